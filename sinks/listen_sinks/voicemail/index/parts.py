"""The parts of messages, with their keys and small sealed values. shipping.py fills them in."""

from collections.abc import Collection, Mapping

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_codecs.formats import AudioFormat
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged, UnknownMessage
from listen_sinks.voicemail.index.records import ObjectRange, Part, SealedKey, ShippedPart
from listen_sinks.voicemail.index.schema import (
    ErasedMessageRow,
    ErasedPartRow,
    MessageKeyRow,
    MessageRow,
    PartRow,
    SealedValueRow,
)
from listen_sinks.voicemail.index.scrub import rows_move
from listen_sinks.voicemail.index.statements import chunks, insert_once


async def list_parts(database: Database, tenant: str, message: str) -> tuple[Part, ...]:
    """Return the stored parts of a message in the order they are heard. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(PartRow)
            .join(MessageRow, MessageRow.id == PartRow.message)
            .where(MessageRow.tenant == tenant, PartRow.message == message)
            .order_by(PartRow.position, PartRow.part)
        )
        return tuple(_part(row) for row in rows)


async def every_part(
    database: Database, after: tuple[str, int] | None = None, limit: int = 100
) -> tuple[tuple[str, Part], ...]:
    """Return stored parts of all tenants, ordered by message and part, behind `after`.

    For who checks the whole store. Raises IndexAway.
    """
    async with database.reading() as session:
        query = select(PartRow)
        if after is not None:
            query = query.where(tuple_(PartRow.message, PartRow.part) > tuple_(*after))
        rows = await session.scalars(query.order_by(PartRow.message, PartRow.part).limit(limit))
        return tuple((row.message, _part(row)) for row in rows)


async def count_parts(database: Database) -> int:
    """Return how many parts are stored, of all tenants. Raises IndexAway."""
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(PartRow)) or 0


async def known_objects(
    database: Database, parts: Collection[tuple[str, int]]
) -> tuple[set[str], set[tuple[str, int]]]:
    """Return the names of the objects that these parts have, and which parts are erased.

    Both from one state of the database. Raises IndexAway.
    """
    names: set[str] = set()
    erased: set[tuple[str, int]] = set()
    messages = sorted({message for message, _ in parts})
    async with database.reading() as session:
        for some in chunks(messages):
            ranges = await session.scalars(select(PartRow.ranges).where(PartRow.message.in_(some)))
            names.update(name for one in ranges for name, _, _ in one)
            query = select(ErasedMessageRow.message).where(ErasedMessageRow.message.in_(some))
            gone = set(await session.scalars(query))
            rows = await session.execute(
                select(ErasedPartRow.message, ErasedPartRow.part).where(
                    ErasedPartRow.message.in_(some)
                )
            )
            erased.update((message, part) for message, part in rows)
            erased.update(part for part in parts if part[0] in gone)
    return names, erased


async def get_message_key(database: Database, message: str, part: int) -> SealedKey | None:
    """Return the envelope of a part's key; None if it is destroyed, or never was."""
    async with database.reading() as session:
        row = await session.scalar(
            select(MessageKeyRow).where(
                MessageKeyRow.message == message,
                MessageKeyRow.part == part,
                ~MessageKeyRow.destroyed,
            )
        )
        return None if row is None else _sealed_key(row)


async def list_message_keys(
    database: Database, mailbox: str, key_version: int, limit: int = 100
) -> tuple[SealedKey, ...]:
    """Return envelopes that one version of a mailbox's key opens. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(MessageKeyRow)
            .where(MessageKeyRow.mailbox == mailbox, MessageKeyRow.key_version == key_version)
            .where(~MessageKeyRow.destroyed)
            .order_by(MessageKeyRow.id)
            .limit(limit)
        )
        return tuple(_sealed_key(row) for row in rows)


async def replace_message_key(database: Database, old: SealedKey, new: SealedKey) -> None:
    """Put an envelope for another key pair in place of the old one. Again, it changes nothing.

    The old one stays in the files until the next `Database.scrub`. Raises KeyChanged if the row is
    neither (it was destroyed meanwhile, say), IndexAway.
    """
    async with database.writing() as session:
        row = await session.scalar(
            select(MessageKeyRow)
            .where(MessageKeyRow.message == old.message, MessageKeyRow.part == old.part)
            .with_for_update()
        )
        if row is None or row.destroyed or row.envelope not in (old.envelope, new.envelope):
            raise KeyChanged(f"the key of part {old.part} of {old.message} is another by now")
        await rows_move(session)  # SQLite needs more bytes for version 2 than for version 1
        row.mailbox, row.key_version, row.envelope = new.mailbox, new.key_version, new.envelope


async def get_values(database: Database, message: str, part: int) -> Mapping[str, bytes]:
    """Return the small sealed values of a part, by label. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(SealedValueRow)
            .where(SealedValueRow.message == message, SealedValueRow.part == part)
            .order_by(SealedValueRow.label)
        )
        return {row.label: row.value for row in rows}


async def put_value(database: Database, message: str, part: int, label: str, value: bytes) -> None:
    """Set a small sealed value, such as a transcript that comes later or grows.

    Raises UnknownMessage if the part is not there (any more), IndexAway.
    """
    async with database.writing() as session:
        row = await session.get(PartRow, (message, part), with_for_update={"read": True})
        if row is None:
            raise UnknownMessage(f"there is no part {part} of {message}")
        await _put_values(session, message, part, {label: value})


async def add_part(
    session: AsyncSession, part: ShippedPart, *, position: int | None = None
) -> None:
    """Store a part with its key and values; it stands where its number says, or at `position`."""
    row = PartRow(
        message=part.message,
        part=part.part,
        position=part.part if position is None else position,
        outcome=part.outcome,
        reason=part.reason,
        started_at=part.started_at,
        ended_at=part.ended_at,
        sample_rate=part.format.sample_rate,
        mix=part.format.mix,
        frames=part.frames,
        size=part.size,
        digest=part.digest,
        ranges=[[one.name, one.offset, one.length] for one in part.ranges],
        tails=part.tails or None,
    )
    key = MessageKeyRow(
        message=part.message,
        part=part.part,
        mailbox=part.mailbox,
        key_version=part.key_version,
        envelope=part.envelope,
        destroyed=False,
    )
    session.add_all([row, key])
    await session.flush()
    await _put_values(session, part.message, part.part, part.values)


async def _put_values(
    session: AsyncSession, message: str, part: int, values: Mapping[str, bytes]
) -> None:
    for label, value in sorted(values.items()):
        place = {"message": message, "part": part, "label": label}
        if not await insert_once(session, SealedValueRow, {**place, "value": value}):
            await session.execute(update(SealedValueRow).filter_by(**place).values(value=value))


def _part(row: PartRow) -> Part:
    return Part(
        part=row.part,
        outcome=row.outcome,
        reason=row.reason,
        started_at=row.started_at,
        ended_at=row.ended_at,
        format=AudioFormat(row.sample_rate, row.mix),
        frames=row.frames,
        size=row.size,
        digest=row.digest,
        ranges=tuple(ObjectRange(*one) for one in row.ranges),
        tails=row.tails or b"",
    )


def _sealed_key(row: MessageKeyRow) -> SealedKey:
    return SealedKey(row.message, row.part, row.mailbox, row.key_version, row.envelope)

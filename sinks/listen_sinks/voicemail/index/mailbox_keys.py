"""The key pairs of mailboxes, as rows: the public half plain, the private one wrapped by the root.

keys/rotation.py makes what comes in here and takes what goes out.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged, UnknownMailbox
from listen_sinks.voicemail.index.schema import MailboxKeyRow, MailboxRow, MessageKeyRow
from listen_sinks.voicemail.index.scrub import rows_move
from listen_sinks.voicemail.keys.mailbox import PublicKey, profile_version
from listen_sinks.voicemail.keys.provider import WrongKey
from listen_sinks.voicemail.keys.rotation import MailboxKey


@dataclass(frozen=True, slots=True)
class RetiredKeys:
    """What became of the versions before the newest."""

    destroyed: tuple[int, ...]
    needed: tuple[int, ...]  # envelopes, or the profile, are sealed to them still
    fresh: tuple[int, ...]  # another has taken their place only just now


async def add_key(database: Database, key: MailboxKey) -> None:
    """Add the next version; messages to come are sealed to it. Again, it changes nothing.

    Raises KeyChanged if somebody else has added this version, UnknownMailbox, IndexAway.
    """
    async with database.writing() as session:
        mailbox = await session.get(MailboxRow, key.public.mailbox, with_for_update=True)
        if mailbox is None or mailbox.erased_at is not None:
            raise UnknownMailbox(f"there is no mailbox {key.public.mailbox}")
        found = await _row(session, key.public)
        if found is not None and found.public == key.public.raw:
            return
        if key.public.version != mailbox.key_version + 1:
            raise KeyChanged(f"mailbox {mailbox.id} is at version {mailbox.key_version} already")
        session.add(key_row(key))
        mailbox.key_version = key.public.version


async def get_key(database: Database, mailbox: str, version: int) -> MailboxKey | None:
    """Return one version, None if it never was or is destroyed. Raises IndexAway."""
    async with database.reading() as session:
        row = await session.scalar(
            select(MailboxKeyRow).where(
                MailboxKeyRow.mailbox == mailbox,
                MailboxKeyRow.version == version,
                ~MailboxKeyRow.destroyed,
            )
        )
        return None if row is None else _key(row)


async def newest_key(database: Database, mailbox: str) -> PublicKey:
    """Return the public key that new messages are sealed to. Raises UnknownMailbox, IndexAway."""
    async with database.reading() as session:
        row = await session.scalar(
            select(MailboxKeyRow)
            .join(MailboxRow, MailboxRow.id == MailboxKeyRow.mailbox)
            .where(MailboxRow.id == mailbox, MailboxRow.erased_at.is_(None))
            .where(MailboxKeyRow.version == MailboxRow.key_version)
        )
        if row is None:
            raise UnknownMailbox(f"there is no mailbox {mailbox}")
        return _key(row).public


async def list_keys(database: Database, mailbox: str | None = None) -> tuple[MailboxKey, ...]:
    """Return every version there is, of one mailbox or of all. Raises IndexAway."""
    async with database.reading() as session:
        query = select(MailboxKeyRow).where(~MailboxKeyRow.destroyed)
        if mailbox is not None:
            query = query.where(MailboxKeyRow.mailbox == mailbox)
        rows = await session.scalars(query.order_by(MailboxKeyRow.mailbox, MailboxKeyRow.version))
        return tuple(_key(row) for row in rows)


async def replace_wrapped(database: Database, old: MailboxKey, new: MailboxKey) -> None:
    """Put what another root has wrapped in the place of the old. Again, it changes nothing.

    The old value stays in the files until the next `Database.scrub`. Raises KeyChanged if the row
    is neither (it was destroyed meanwhile, say), IndexAway.
    """
    async with database.writing() as session:
        row = await _row(session, old.public)
        if row is None or row.destroyed or row.public != new.public.raw:
            raise KeyChanged(
                f"the key of mailbox {old.public.mailbox} is not the one that was read"
            )
        if row.wrapped not in (old.wrapped, new.wrapped):
            raise KeyChanged(
                f"mailbox {old.public.mailbox}: somebody else has wrapped its key anew"
            )
        if len(row.wrapped) != len(new.wrapped):
            await rows_move(session)
        row.wrapped = new.wrapped


async def retire_keys(
    database: Database, mailbox: str, *, replaced_before: datetime
) -> RetiredKeys:
    """Overwrite the private keys of old versions that nothing in the index needs any more.

    Those that were replaced later stay: a receiver may not know it yet. They stay in the files
    until the next `Database.scrub`. Raises UnknownMailbox, IndexAway.
    """
    async with database.writing() as session:
        box = await session.get(MailboxRow, mailbox, with_for_update=True)
        if box is None or box.erased_at is not None:
            raise UnknownMailbox(f"there is no mailbox {mailbox}")
        query = select(MailboxKeyRow).where(MailboxKeyRow.mailbox == mailbox)
        rows = (await session.scalars(query.order_by(MailboxKeyRow.version))).all()
        replaced = {row.version - 1: row.created_at for row in rows}
        old = [row.version for row in rows if not row.destroyed and row.version < box.key_version]
        fresh = [version for version in old if replaced[version] > replaced_before]
        needed = [
            version
            for version in old
            if version not in fresh and await _is_needed(session, box, version)
        ]
        gone = [version for version in old if version not in (*fresh, *needed)]
        which = (MailboxKeyRow.mailbox == mailbox) & MailboxKeyRow.version.in_(gone)
        await _zero(session, which)
    return RetiredKeys(tuple(gone), tuple(needed), tuple(fresh))


async def _is_needed(session: AsyncSession, box: MailboxRow, version: int) -> bool:
    with suppress(WrongKey):  # what is no sealed profile needs no key
        if box.profile is not None and profile_version(box.profile) == version:
            return True
    live = select(func.count()).where(
        MessageKeyRow.mailbox == box.id,
        MessageKeyRow.key_version == version,
        ~MessageKeyRow.destroyed,
    )
    return bool(await session.scalar(live))


async def destroy_keys(session: AsyncSession, mailbox: str) -> int:
    """Overwrite every private key of a mailbox; return how many."""
    return await _zero(session, MailboxKeyRow.mailbox == mailbox)


async def _zero(session: AsyncSession, which: ColumnElement[bool]) -> int:
    """Overwrite private keys by zeros of the same length, in their place."""
    rows = (
        await session.scalars(select(MailboxKeyRow).where(which, ~MailboxKeyRow.destroyed))
    ).all()
    for row in rows:
        await session.execute(
            update(MailboxKeyRow)
            .where(MailboxKeyRow.id == row.id)
            .values(wrapped=bytes(len(row.wrapped)), destroyed=True)
            .execution_options(synchronize_session=False)
        )
    return len(rows)


def key_row(key: MailboxKey) -> MailboxKeyRow:
    """Make a row of a key."""
    return MailboxKeyRow(
        mailbox=key.public.mailbox,
        version=key.public.version,
        kem=key.public.kem,
        public=key.public.raw,
        wrapped=key.wrapped,
        created_at=datetime.now(UTC),
        destroyed=False,
    )


async def _row(session: AsyncSession, key: PublicKey) -> MailboxKeyRow | None:
    row: MailboxKeyRow | None = await session.scalar(
        select(MailboxKeyRow)
        .where(MailboxKeyRow.mailbox == key.mailbox, MailboxKeyRow.version == key.version)
        .with_for_update()
    )
    return row


def _key(row: MailboxKeyRow) -> MailboxKey:
    return MailboxKey(PublicKey(row.mailbox, row.version, row.kem, row.public), row.wrapped)

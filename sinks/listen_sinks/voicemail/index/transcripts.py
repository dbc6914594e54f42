"""Transcripts in the index: added when they come late, found where they are missing.

Sealed before they get here. `transcript` is a value that covers its part; `words` one that says
how far an engine got which broke off.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Float, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.parts import add_part
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.schema import (
    ErasedMessageRow,
    ErasedPartRow,
    MailboxRow,
    MessageRow,
    PartRow,
    SealedValueRow,
)
from listen_sinks.voicemail.index.shipping import Recorded
from listen_sinks.voicemail.index.statements import insert_once
from listen_sinks.voicemail.index.telling import tell_transcribed
from listen_sinks.voicemail.policies import KEPT

WHOLE: Final = "transcript"
SOME: Final = "words"


@dataclass(frozen=True, slots=True)
class Untranscribed:
    """A part with audio that has no transcript."""

    tenant: str
    message: str  # ULID
    part: int
    seconds: float


async def record_words(
    database: Database, words: ShippedPart, *, of: int, engine: str | None
) -> Recorded:
    """Add a part of words alone, about the audio of part `of`, to a message that is there.

    `engine` is who said the last of them; None if they are not all. Raises UnknownMessage as long
    as the audio is not there, IndexAway.
    """
    async with database.writing() as session:
        row = await _message(session, words.message, words.mailbox)
        if row is None or await _is_erased(session, words.message, (of, words.part)):
            await session.rollback()
            return "erased"
        if await session.get(PartRow, (words.message, of)) is None:
            raise UnknownMessage(f"part {of} of {words.message} is not there yet")
        if await session.get(PartRow, (words.message, words.part)) is not None:
            return "known"
        await add_part(session, words)
        if engine is not None:
            await tell_transcribed(session, row, words.part, engine)
    return "new"


async def put_transcript(
    database: Database, message: str, part: int, value: bytes, *, engine: str
) -> None:
    """Set the transcript of a part, in the place of what there was of one.

    Raises UnknownMessage if the part is not there (any more), IndexAway.
    """
    async with database.writing() as session:
        row = await session.get(MessageRow, message, with_for_update=True)
        if row is None or await session.get(PartRow, (message, part)) is None:
            raise UnknownMessage(f"there is no part {part} of {message}")
        of_part = (SealedValueRow.message == message, SealedValueRow.part == part)
        await session.execute(
            delete(SealedValueRow).where(*of_part, SealedValueRow.label.in_((WHOLE, SOME)))
        )
        place = {"message": message, "part": part, "label": WHOLE, "value": value}
        await insert_once(session, SealedValueRow, place)
        await tell_transcribed(session, row, part, engine)


async def untranscribed(
    database: Database,
    *,
    begun: bool = False,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int = 100,
    behind: tuple[str, int] | None = None,
) -> tuple[Untranscribed, ...]:
    """Return parts with audio and without a transcript, of messages that are not deleted.

    `begun`: only where an engine was to understand them when they came. `after` and `before` are
    about when they ended, `behind` gets the next page. Raises IndexAway.
    """
    query = (
        select(PartRow, MessageRow.tenant)
        .join(MessageRow, MessageRow.id == PartRow.message)
        .where(MessageRow.state.in_(KEPT), PartRow.frames > 0, ~_has(WHOLE))
        .order_by(PartRow.message, PartRow.part)
        .limit(limit)
    )
    if begun:
        query = query.where(_has(SOME))
    if after is not None:
        query = query.where(PartRow.ended_at >= after)
    if before is not None:
        query = query.where(PartRow.ended_at < before)
    if behind is not None:
        message, part = behind
        later = (PartRow.message == message) & (PartRow.part > part)
        query = query.where((PartRow.message > message) | later)
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
        return tuple(
            Untranscribed(tenant, row.message, row.part, row.frames / row.sample_rate)
            for row, tenant in rows
        )


async def count_untranscribed(
    database: Database, *, after: datetime, before: datetime
) -> tuple[int, int, datetime | None]:
    """Return how many parts wait for an engine that was away, their bytes, the oldest's end.

    Of those that ended between two moments. Raises IndexAway.
    """
    query = (
        select(func.count(), func.sum(PartRow.size), func.min(PartRow.ended_at))
        .join(MessageRow, MessageRow.id == PartRow.message)
        .where(MessageRow.state.in_(KEPT), PartRow.frames > 0, _has(SOME), ~_has(WHOLE))
        .where(PartRow.ended_at >= after, PartRow.ended_at < before)
    )
    async with database.reading() as session:
        count, size, oldest = (await session.execute(query)).one()
        return count, int(size or 0), oldest


async def total_untranscribed(database: Database) -> float:
    """Return how many seconds of audio have no transcript. Raises IndexAway."""
    async with database.reading() as session:
        seconds = PartRow.frames / cast(PartRow.sample_rate, Float)
        query = (
            select(func.sum(seconds))
            .join(MessageRow, MessageRow.id == PartRow.message)
            .where(MessageRow.state.in_(KEPT), PartRow.frames > 0, ~_has(WHOLE))
        )
        return float(await session.scalar(query) or 0.0)


def _has(label: str) -> ColumnElement[bool]:
    """Say whether a part has a value, or a part of words alone in the same message has."""
    other = aliased(PartRow)
    words_alone = (
        select(other.part)
        .where(other.message == PartRow.message, other.frames == 0)
        .correlate(PartRow)
    )
    return (
        select(SealedValueRow.label)
        .where(SealedValueRow.message == PartRow.message, SealedValueRow.label == label)
        .where((SealedValueRow.part == PartRow.part) | SealedValueRow.part.in_(words_alone))
        .correlate(PartRow)
        .exists()
    )


async def _message(session: AsyncSession, message: str, mailbox: str) -> MessageRow | None:
    """Return the row of a message, for nobody else meanwhile; None if it is erased."""
    await session.get(MailboxRow, mailbox, with_for_update={"read": True})
    row = await session.get(MessageRow, message, with_for_update=True)
    if row is None and await session.get(ErasedMessageRow, message) is None:
        box = await session.get(MailboxRow, mailbox)
        if box is not None and box.erased_at is None:
            raise UnknownMessage(f"message {message} is not there yet")
    return row


async def _is_erased(session: AsyncSession, message: str, parts: tuple[int, ...]) -> bool:
    gone = [await session.get(ErasedPartRow, (message, part)) for part in parts]
    return any(row is not None for row in gone)

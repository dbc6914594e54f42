"""Taking messages and parts out of the tables: keys first, then all that they opened.

erasure.py decides what goes and keeps account of it; scrub.py gets it out of the files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.schema import (
    ErasedMessageRow,
    ErasedPartRow,
    LeaseRow,
    MessageKeyRow,
    MessageRow,
    PartRow,
    SealedValueRow,
)
from listen_sinks.voicemail.index.statements import chunks, insert_once
from listen_sinks.voicemail.policies import KEPT


@dataclass(slots=True)
class Destroyed:
    """What has been taken out so far."""

    messages: list[str] = field(default_factory=list)
    parts: list[tuple[str, int]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)  # what a legal hold kept
    keys: int = 0
    thinner: set[str] = field(default_factory=set)  # mailboxes that had more to listen to
    greetings: set[str] = field(default_factory=set)  # among them: nobody is told of those


async def destroy_messages(
    session: AsyncSession, messages: Sequence[str], erasure: str, done: Destroyed
) -> None:
    """Take whole messages out, and leave their ids, so that nothing brings them back."""
    for some in chunks(messages):
        await _take_down_greetings(session, some, done)
        done.keys += await _zero_keys(session, MessageKeyRow.message.in_(some))
        parts = await session.scalars(select(PartRow.ranges).where(PartRow.message.in_(some)))
        done.objects += _names(parts)
        for table in (SealedValueRow, PartRow, LeaseRow):
            await session.execute(delete(table).where(table.message.in_(some)))
        out = delete(MessageRow).where(MessageRow.id.in_(some))
        gone = await session.execute(out.returning(MessageRow.mailbox, MessageRow.state))
        done.thinner.update(mailbox for mailbox, state in gone if state in KEPT)
        for message in some:
            await insert_once(session, ErasedMessageRow, {"message": message, "erasure": erasure})
        done.messages += some


async def destroy_part(
    session: AsyncSession, message: str, part: int, erasure: str, done: Destroyed
) -> None:
    """Take one part out of a message that stays."""

    def is_it(table: type[MessageKeyRow | SealedValueRow | PartRow]) -> ColumnElement[bool]:
        return and_(table.message == message, table.part == part)

    await _take_down_greetings(session, [message], done)
    done.keys += await _zero_keys(session, is_it(MessageKeyRow))
    done.objects += _names(await session.scalars(select(PartRow.ranges).where(is_it(PartRow))))
    await session.execute(delete(SealedValueRow).where(is_it(SealedValueRow)))
    await session.execute(delete(PartRow).where(is_it(PartRow)))
    place = {"message": message, "part": part, "erasure": erasure}
    await insert_once(session, ErasedPartRow, place)
    done.parts.append((message, part))


async def _take_down_greetings(
    session: AsyncSession, messages: Sequence[str], done: Destroyed
) -> None:
    query = select(MessageRow.id).where(MessageRow.id.in_(messages), MessageRow.state == "greeting")
    done.greetings.update(await session.scalars(query))


async def _zero_keys(session: AsyncSession, which: ColumnElement[bool]) -> int:
    """Overwrite envelopes by zeros of the same length, in their place (see MessageKeyRow)."""
    live = and_(which, ~MessageKeyRow.destroyed)
    size = func.length(MessageKeyRow.envelope)
    lengths = (await session.scalars(select(size).where(live).distinct())).all()
    number = await session.scalar(select(func.count()).select_from(MessageKeyRow).where(live))
    for length in lengths:
        await session.execute(
            update(MessageKeyRow)
            .where(live, size == length)
            .values(envelope=bytes(length), destroyed=True)
            .execution_options(synchronize_session=False)
        )
    return number or 0


def _names(ranges: Iterable[list[Any]]) -> list[str]:
    return sorted({name for one in ranges for name, _, _ in one})

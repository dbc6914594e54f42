"""Recording what the sink has shipped: once, whoever does it, however often it is tried.

leases.py is for several workers that share a spool.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import (
    DifferentPart,
    IndexAway,
    StaleFence,
    UnknownMailbox,
)
from listen_sinks.voicemail.index.parts import add_part
from listen_sinks.voicemail.index.records import MessageState, ShippedPart
from listen_sinks.voicemail.index.schema import (
    ErasedMessageRow,
    ErasedPartRow,
    LeaseRow,
    MailboxRow,
    MessageRow,
    PartRow,
)
from listen_sinks.voicemail.index.statements import insert_once
from listen_sinks.voicemail.index.telling import tell_counts, tell_received, tell_transcribed

Recorded: TypeAlias = Literal["new", "known", "erased"]
"""new: it is in the index now. known: it was already, the same. erased: somebody has erased the
message or its mailbox; delete the object, and drop it from the spool."""


async def record_shipped(
    database: Database, part: ShippedPart, *, fence: int | None = None
) -> Recorded:
    """Take a part whose object is in the store into the index, in one transaction.

    `fence` is that of the lease it was shipped under, if there was one. Raises UnknownMailbox,
    StaleFence, DifferentPart, IndexAway.
    """
    now = datetime.now(UTC)
    async with database.writing() as session:
        row, is_new = await _message(session, part.message, part.mailbox, _first_values(part, now))
        gone = await session.get(ErasedPartRow, (part.message, part.part))
        if row is None or gone is not None:
            await session.rollback()
            return "erased"
        if stored := await session.get(PartRow, (part.message, part.part)):
            return _known(stored, part)
        lease = await session.get(LeaseRow, (part.message, part.part), with_for_update=True)
        if fence != (lease.fence if lease else None):
            raise StaleFence(f"part {part.part} of {part.message} is somebody else's by now")
        if lease:
            await session.delete(lease)
        came = is_new or row.state == "discarded"
        _add_to(row, part, now)
        await add_part(session, part)
        if part.frames or is_new:  # not for words that come later
            await tell_received(session, row, part)
        if part.transcribed_by is not None:
            await tell_transcribed(session, row, part.part, part.transcribed_by)
        if came and row.state == "new":
            await tell_counts(session, row.tenant, [row.mailbox])
    return "new"


async def record_discarded(
    database: Database,
    message: str,
    mailbox: str,
    reason: str,
    *,
    started_at: datetime,
    ended_at: datetime,
    ticket: str | None = None,
) -> Recorded:
    """Record that a message was not worth keeping; there is no object, and no key.

    It counts, is in no list, and goes after the grace period; until then its ticket says what
    became of it. Raises UnknownMailbox, IndexAway.
    """
    now = datetime.now(UTC)
    values = {
        "state": "discarded",
        "outcome": "discarded",
        "reason": reason,
        "started_at": started_at,
        "ended_at": ended_at,
        "recorded_at": now,
        "state_changed_at": now,
        "ticket": ticket,
    }
    async with database.writing() as session:
        row, is_new = await _message(session, message, mailbox, values)
        if row is None:
            await session.rollback()
            return "erased"
    return "new" if is_new else "known"


async def _message(
    session: AsyncSession, message: str, mailbox: str, values: Mapping[str, Any]
) -> tuple[MessageRow | None, bool]:
    """Return the row of a message, and whether it is new; None if it, or its mailbox, is erased.

    Others wait for the row, so that what follows sees what they did. Whether the message is
    erased is asked last: before that, an erasure could come between.
    """
    box = await session.get(MailboxRow, mailbox, with_for_update={"read": True})
    if box is None:
        raise UnknownMailbox(f"there is no mailbox {mailbox}")
    if box.erased_at is not None:
        return None, False
    fixed = {"id": message, "tenant": box.tenant, "mailbox": mailbox, "legal_hold": False}
    new = {"seconds": 0.0, "size": 0, **values, **fixed}
    is_new = await insert_once(session, MessageRow, new)
    row = await _locked(session, message)
    gone = await session.get(ErasedMessageRow, message)
    if row is None and gone is None:  # another message has its ticket
        ticket = await _left_of_ticket(session, new)
        is_new = await insert_once(session, MessageRow, {**new, "ticket": ticket})
        row = await _locked(session, message)
        if row is None:
            raise IndexAway("somebody else took the message's ticket just now")
    return (row if gone is None else None), is_new


async def _locked(session: AsyncSession, message: str) -> MessageRow | None:
    query = select(MessageRow).where(MessageRow.id == message).with_for_update()
    row: MessageRow | None = await session.scalar(query)
    return row


async def _left_of_ticket(session: AsyncSession, new: Mapping[str, Any]) -> str | None:
    """Return the ticket of a message if it can have it: a caller's second try may.

    What was discarded gives it up for what is kept; otherwise the first has it, and the other one
    is kept without.
    """
    ticket: str | None = new["ticket"]
    query = select(MessageRow).where(MessageRow.ticket == ticket).with_for_update()
    holder: MessageRow | None = await session.scalar(query)
    if holder is None:
        return ticket
    if holder.state != "discarded" or new["state"] == "discarded":
        return None
    holder.ticket = None
    await session.flush()
    return ticket


def _first_values(part: ShippedPart, now: datetime) -> Mapping[str, Any]:
    return {
        "state": _first_state(part),
        "outcome": part.outcome,
        "reason": part.reason,
        "started_at": part.started_at,
        "ended_at": part.ended_at,
        "recorded_at": now,
        "state_changed_at": now,
        "ticket": part.ticket,
    }


def _first_state(part: ShippedPart) -> MessageState:
    return "greeting" if part.kind == "greeting" else "new"


def _known(stored: PartRow, part: ShippedPart) -> Recorded:
    if stored.digest != part.digest:
        raise DifferentPart(f"part {part.part} of {part.message} is in the index with other bytes")
    return "known"


def _add_to(message: MessageRow, part: ShippedPart, now: datetime) -> None:
    if message.state == "discarded":
        message.state, message.state_changed_at = _first_state(part), now
        message.outcome, message.reason = part.outcome, part.reason
    if part.ended_at >= message.ended_at:
        message.outcome, message.reason, message.ended_at = part.outcome, part.reason, part.ended_at
    message.started_at = min(message.started_at, part.started_at)
    message.seconds += part.format.seconds(part.frames)
    message.size += part.size
    message.caller = message.caller or part.caller

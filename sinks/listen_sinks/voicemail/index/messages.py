"""Messages: listed, found, and brought from state to state. parts.py is what they are made of."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import OnHold, TooLate, UnknownMessage, WrongState
from listen_sinks.voicemail.index.records import Message, MessageState, Page
from listen_sinks.voicemail.index.schema import MailboxRow, MessageRow, TenantRow
from listen_sinks.voicemail.index.telling import tell_counts
from listen_sinks.voicemail.policies import KEPT, can_be_undeleted, effective_settings

_LONGEST_PAGE: Final = 500


async def list_messages(
    database: Database,
    tenant: str,
    mailbox: str | None = None,
    *,
    states: Collection[MessageState] = KEPT,
    caller: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page:
    """Return a page of messages, newest call first, of one mailbox or of the whole tenant.

    `caller` is a keyed hash. Pages do not overlap, and what is there from the first to the last
    is in one of them, whatever comes and goes meanwhile. Raises IndexAway.
    """
    limit = max(1, min(limit, _LONGEST_PAGE))
    query = select(MessageRow).where(MessageRow.tenant == tenant, MessageRow.state.in_(states))
    if mailbox is not None:
        query = query.where(MessageRow.mailbox == mailbox)
    if caller is not None:
        query = query.where(MessageRow.caller == caller)
    if before is not None:
        query = query.where(MessageRow.id < before)
    async with database.reading() as session:
        rows = await session.scalars(query.order_by(MessageRow.id.desc()).limit(limit + 1))
        messages = tuple(message_of(row) for row in rows)
    more = len(messages) > limit
    return Page(messages[:limit], messages[limit - 1].id if more else None)


async def get_message(database: Database, tenant: str, message: str) -> Message:
    """Return a message. Raises UnknownMessage, also if it is another tenant's, IndexAway."""
    async with database.reading() as session:
        return message_of(await message_row(session, tenant, message))


async def find_message(database: Database, message: str) -> Message:
    """Return a message of whatever tenant, for operators. Raises UnknownMessage, IndexAway."""
    async with database.reading() as session:
        row = await session.get(MessageRow, message)
        if row is None:
            raise UnknownMessage(f"there is no message {message}, or it is erased")
        return message_of(row)


async def change_state(
    database: Database,
    tenant: str,
    message: str,
    state: Literal["new", "heard", "saved"],
    now: datetime,
) -> Message:
    """Mark a message. Raises UnknownMessage, WrongState if it is deleted, IndexAway."""
    async with database.writing() as session:
        row = await locked_message(session, tenant, message)
        if row.state not in KEPT:
            raise WrongState(f"message {message} is {row.state}")
        if row.state != state:
            row.state, row.state_changed_at = state, now
            await tell_counts(session, tenant, [row.mailbox])
        return message_of(row)


async def delete_message(database: Database, tenant: str, message: str, now: datetime) -> Message:
    """Take a message out of its mailbox; for a while it can be taken back.

    Raises UnknownMessage, OnHold, WrongState if it was discarded, IndexAway.
    """
    async with database.writing() as session:
        row = await locked_message(session, tenant, message)
        await refuse_if_held(session, row)
        if row.state not in (*KEPT, "deleted"):
            raise WrongState(f"message {message} is {row.state}")
        if mark_deleted(row, now):
            await tell_counts(session, tenant, [row.mailbox])
        return message_of(row)


async def undelete_message(database: Database, tenant: str, message: str, now: datetime) -> Message:
    """Take a deletion back. Raises UnknownMessage, WrongState, TooLate, IndexAway."""
    async with database.writing() as session:
        row = await locked_message(session, tenant, message)
        if row.state in KEPT:
            return message_of(row)
        if row.state != "deleted":
            raise WrongState(f"message {message} is {row.state}")
        settings = effective_settings(await settings_of(session, row))
        if not can_be_undeleted(settings, row.state_changed_at, now):
            raise TooLate(f"message {message} was deleted too long ago, and is about to be erased")
        row.state, row.state_before = row.state_before or "new", None
        row.state_changed_at = now
        await tell_counts(session, tenant, [row.mailbox])
        return message_of(row)


def mark_deleted(row: MessageRow, now: datetime) -> bool:
    """Bring a row into the state that retention and people bring it into; False if it is."""
    if row.state == "deleted":
        return False
    row.state, row.state_before, row.state_changed_at = "deleted", row.state, now
    return True


async def message_row(session: AsyncSession, tenant: str, message: str) -> MessageRow:
    """Return a row for use in a transaction. Raises UnknownMessage."""
    row = await session.get(MessageRow, message)
    if row is None or row.tenant != tenant:
        raise UnknownMessage(f"tenant {tenant} has no message {message}")
    return row


async def locked_message(session: AsyncSession, tenant: str, message: str) -> MessageRow:
    """Return a row that others wait for. Raises UnknownMessage.

    Its mailbox comes first: everybody takes the two in this order.
    """
    row = await message_row(session, tenant, message)
    await session.get(MailboxRow, row.mailbox, with_for_update={"read": True})
    again = await session.get(MessageRow, message, with_for_update=True, populate_existing=True)
    if again is None:
        raise UnknownMessage(f"tenant {tenant} has no message {message}")
    return again


async def refuse_if_held(session: AsyncSession, row: MessageRow) -> None:
    """Raise OnHold if a legal hold is on the message or on its mailbox."""
    mailbox = await session.get(MailboxRow, row.mailbox)
    if row.legal_hold or (mailbox is not None and mailbox.legal_hold):
        raise OnHold(f"message {row.id} is on legal hold")


async def settings_of(session: AsyncSession, row: MessageRow) -> dict[str, object]:
    """Return the settings that count for a message: its tenant's, then its mailbox's."""
    tenant = await session.get(TenantRow, row.tenant)
    mailbox = await session.get(MailboxRow, row.mailbox)
    return {**(tenant.settings if tenant else {}), **(mailbox.settings if mailbox else {})}


def message_of(row: MessageRow) -> Message:
    """Return a row as it leaves this folder."""
    return Message(
        id=row.id,
        tenant=row.tenant,
        mailbox=row.mailbox,
        state=row.state,
        state_changed_at=row.state_changed_at,
        outcome=row.outcome,
        reason=row.reason,
        started_at=row.started_at,
        ended_at=row.ended_at,
        recorded_at=row.recorded_at,
        seconds=row.seconds,
        size=row.size,
        caller=row.caller,
        legal_hold=row.legal_hold,
        ticket=row.ticket,
    )

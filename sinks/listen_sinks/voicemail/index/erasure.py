"""Erasing messages: one, all of a caller, a mailbox, or what retention has let go.

What is on legal hold stays. Each returns a receipt with the names of the objects to delete from
the store; tell `Erasures.objects_gone` when they are. erasures.py keeps the account.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.destroying import Destroyed, destroy_messages
from listen_sinks.voicemail.index.erasures import Erasures, load_receipt
from listen_sinks.voicemail.index.errors import OnHold, UnknownMessage
from listen_sinks.voicemail.index.greetings import named_greetings
from listen_sinks.voicemail.index.mailbox_keys import destroy_keys
from listen_sinks.voicemail.index.mailboxes import clear_mailbox, mailbox_row
from listen_sinks.voicemail.index.messages import locked_message, refuse_if_held
from listen_sinks.voicemail.index.records import MessageState, Receipt
from listen_sinks.voicemail.index.schema import (
    ErasedMessageRow,
    ErasureRow,
    MailboxRow,
    MessageRow,
)
from listen_sinks.voicemail.index.statements import chunks

_GONE: tuple[MessageState, ...] = ("deleted", "discarded", "greeting")


async def erase_message(erasures: Erasures, tenant: str, message: str, *, actor: str) -> Receipt:
    """Erase one message. Again, it returns the receipt of the first time.

    Raises UnknownMessage, OnHold, IndexAway.
    """
    try:
        async with erasures.database.writing() as session:
            try:
                found = await locked_message(session, tenant, message)
            except UnknownMessage:
                if earlier := await _earlier(session, tenant, message):
                    return earlier
                raise
            await refuse_if_held(session, found)
            row = await erasures.begin(session, "message", tenant, found.mailbox)
            done = Destroyed()
            await destroy_messages(session, [message], row.id, done)
            event = AuditEvent("erase", actor, message)
            receipt = await erasures.complete(session, row, done, event)
    except OnHold:
        await erasures.refused(actor, message)
        raise
    return await erasures.scrub(receipt)


async def erase_caller(erasures: Erasures, tenant: str, caller: str, *, actor: str) -> Receipt:
    """Erase all messages of a caller, by keyed hash; the receipt lists what a hold kept.

    A message that is still in a spool comes into the index later: erase again then. Raises
    IndexAway.
    """
    async with erasures.database.writing() as session:
        query = select(MessageRow.id).where(
            MessageRow.tenant == tenant, MessageRow.caller == caller
        )
        row = await erasures.begin(session, "caller", tenant, None)
        done = Destroyed()
        free = await _free(session, (await session.scalars(query)).all(), done)
        await destroy_messages(session, free, row.id, done)
        event = AuditEvent("erase", actor, row.id)
        receipt = await erasures.complete(session, row, done, event)
    return await erasures.scrub(receipt)


async def erase_expired(
    erasures: Erasures, tenant: str, mailbox: str, messages: Sequence[str]
) -> Receipt:
    """Erase what retention has let go, but for what was taken back, named or put on hold meanwhile.

    Does not scrub: `Erasures.unfinished` does it once for all mailboxes. Raises IndexAway.
    """
    async with erasures.database.writing() as session:
        row = await erasures.begin(session, "retention", tenant, mailbox)
        done = Destroyed()
        free = await _free(session, messages, done, _GONE)
        await destroy_messages(session, free, row.id, done)
        event = AuditEvent("erase", "retention", row.id)
        receipt = await erasures.complete(session, row, done, event)
    await erasures.confirm(receipt)
    return receipt


async def erase_mailbox(erasures: Erasures, tenant: str, mailbox: str, *, actor: str) -> Receipt:
    """Erase a mailbox: its private keys, all its messages, its numbers and settings.

    What is on its way into it is erased when it comes. Raises UnknownMailbox, CatchAllNeeded,
    IndexAway, and OnHold if it, or any of its messages, is on hold.
    """
    try:
        async with erasures.database.writing() as session:
            box = await mailbox_row(session, tenant, mailbox, lock=True)
            row = await erasures.begin(session, "mailbox", tenant, mailbox)
            query = select(MessageRow.id).where(MessageRow.mailbox == mailbox)
            done = Destroyed()
            free = await _free(session, (await session.scalars(query)).all(), done)
            if box.legal_hold or done.held:
                raise OnHold(  # noqa: TRY301 - it has to end the transaction first
                    f"mailbox {mailbox} is on legal hold, or a message in it is"
                )
            await clear_mailbox(session, box, row.at)
            done.keys += await destroy_keys(session, mailbox)
            await destroy_messages(session, free, row.id, done)
            event = AuditEvent("erase", actor, mailbox)
            receipt = await erasures.complete(session, row, done, event)
    except OnHold:
        await erasures.refused(actor, mailbox)
        raise
    return await erasures.scrub(receipt)


async def _earlier(session: AsyncSession, tenant: str, message: str) -> Receipt | None:
    gone = await session.get(ErasedMessageRow, message)
    row = await session.get(ErasureRow, gone.erasure) if gone else None
    return await load_receipt(session, row) if row and row.tenant == tenant else None


async def _free(
    session: AsyncSession,
    messages: Sequence[str],
    done: Destroyed,
    states: Collection[MessageState] | None = None,
) -> list[str]:
    """Lock messages, and return those that may go; `done` gets those that are on hold."""
    found: set[str] = set()
    for some in chunks(messages):
        query = select(MessageRow.mailbox).where(MessageRow.id.in_(some)).distinct()
        found.update(await session.scalars(query))
    boxes = await session.scalars(
        select(MailboxRow)
        .where(MailboxRow.id.in_(found))
        .order_by(MailboxRow.id)
        .with_for_update(read=True)
    )
    named: set[str] = set()  # greetings that are in use
    on_hold: set[str] = set()
    for box in boxes:
        named |= named_greetings(box.settings)
        on_hold |= {box.id} if box.legal_hold else set()
    free: list[str] = []
    for some in chunks(sorted(messages)):
        rows = await session.scalars(
            select(MessageRow)
            .where(MessageRow.id.in_(some))
            .order_by(MessageRow.id)
            .with_for_update()
        )
        for row in rows:
            if row.legal_hold or row.mailbox in on_hold:
                done.held.append(row.id)
            elif states is None or (row.state in states and row.id not in named):
                free.append(row.id)
    return free

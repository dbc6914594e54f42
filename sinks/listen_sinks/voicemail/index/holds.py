"""Legal holds: what is on hold cannot be deleted, erased or redacted, by nobody and no rule."""

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailboxes import mailbox_row
from listen_sinks.voicemail.index.messages import locked_message, message_row, refuse_if_held


async def refuse_held(database: Database, tenant: str, message: str) -> None:
    """Raise OnHold before work that a hold would make vain. Raises UnknownMessage, IndexAway."""
    async with database.reading() as session:
        await refuse_if_held(session, await message_row(session, tenant, message))


async def hold_message(
    database: Database, audit: AuditLog, tenant: str, message: str, *, actor: str, on: bool = True
) -> None:
    """Put a message on hold, or release it. Raises UnknownMessage, IndexAway."""
    async with database.writing() as session:
        row = await locked_message(session, tenant, message)
        if row.legal_hold != on:
            row.legal_hold = on
            await audit.append(session, _event(actor, message, on=on))


async def hold_mailbox(
    database: Database, audit: AuditLog, tenant: str, mailbox: str, *, actor: str, on: bool = True
) -> None:
    """Put a mailbox with all that is and will be in it on hold, or release it.

    Messages that are on hold themselves stay so. Raises UnknownMailbox, IndexAway.
    """
    async with database.writing() as session:
        row = await mailbox_row(session, tenant, mailbox, lock=True)
        if row.legal_hold != on:
            row.legal_hold = on
            await audit.append(session, _event(actor, mailbox, on=on))


def _event(actor: str, subject: str, *, on: bool) -> AuditEvent:
    return AuditEvent("hold" if on else "release", actor, subject)

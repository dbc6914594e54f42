"""What the index tells of by itself: messages that came and are gone, and how many there are."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.destroying import Destroyed
from listen_sinks.voicemail.index.outbox import is_wanted, put
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.schema import ErasureRow, MessageRow
from listen_sinks.voicemail.index.usage import kept_of
from listen_sinks.webhook.events import (
    mailbox_counts,
    message_erased,
    message_received,
    message_transcribed,
)

_COUNTING: Final = 0x636F756E  # of PostgreSQL's advisory locks with two keys: ours by convention


async def tell_received(session: AsyncSession, message: MessageRow, part: ShippedPart) -> None:
    """Tell of a part that is in the index now, unless it is a greeting: nobody has left it."""
    if message.state == "greeting":
        return
    event = message_received(
        tenant=message.tenant,
        mailbox=message.mailbox,
        message=message.id,
        part=part.part,
        outcome=part.outcome,
        reason=part.reason,
        started_at=part.started_at,
        ended_at=part.ended_at,
        seconds=part.format.seconds(part.frames),
        size=part.size,
    )
    await put(session, event)


async def tell_transcribed(
    session: AsyncSession, message: MessageRow, part: int, engine: str
) -> None:
    """Tell that a transcript is kept with a part of what somebody has left."""
    if message.state == "greeting":
        return
    event = message_transcribed(
        tenant=message.tenant,
        mailbox=message.mailbox,
        message=message.id,
        part=part,
        engine=engine,
    )
    await put(session, event)


async def tell_erased(session: AsyncSession, erasure: ErasureRow, done: Destroyed) -> None:
    """Tell of every message that an erasure has taken, or has taken something out of.

    Not of greetings: nobody was told that they came.
    """
    gone = dict.fromkeys(done.messages, True)
    cut = {message: False for message, _ in done.parts if message not in gone}
    events = [
        message_erased(
            tenant=erasure.tenant,
            mailbox=erasure.mailbox,
            message=message,
            erasure=erasure.id,
            kind=erasure.kind,
            whole=whole,
        )
        for message, whole in (gone | cut).items()
        if message not in done.greetings
    ]
    await put(session, *events)


async def tell_counts(session: AsyncSession, tenant: str, mailboxes: Iterable[str]) -> None:
    """Tell how many messages there are in mailboxes, whose messages have come, changed or gone.

    Last of all before the commit: from here to there nobody else counts in these mailboxes, so
    that who counts last has seen all, and is told last.
    """
    changed = sorted(mailboxes)
    if not changed or not await is_wanted(session, "mailbox.counts", tenant):
        return
    for mailbox in changed:
        if session.get_bind().dialect.name == "postgresql":  # on SQLite one writes at a time
            turn = text("SELECT pg_advisory_xact_lock(:counting, hashtext(:mailbox))")
            await session.execute(turn, {"counting": _COUNTING, "mailbox": mailbox})
        counts = await kept_of(session, mailbox)
        await put(session, mailbox_counts(tenant=tenant, mailbox=mailbox, **counts))

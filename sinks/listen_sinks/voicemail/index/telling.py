"""What the index tells of by itself: messages that came, and messages that are gone."""

from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.destroying import Destroyed
from listen_sinks.voicemail.index.outbox import put
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.schema import ErasureRow, MessageRow
from listen_sinks.webhook.events import message_erased, message_received, message_transcribed


async def tell_received(session: AsyncSession, message: MessageRow, part: ShippedPart) -> None:
    """Tell of a part that is in the index now."""
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
    """Tell that a transcript is kept with a part."""
    event = message_transcribed(
        tenant=message.tenant,
        mailbox=message.mailbox,
        message=message.id,
        part=part,
        engine=engine,
    )
    await put(session, event)


async def tell_erased(session: AsyncSession, erasure: ErasureRow, done: Destroyed) -> None:
    """Tell of every message that an erasure has taken, or has taken something out of."""
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
    ]
    await put(session, *events)

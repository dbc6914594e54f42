"""Erasing a range of time: parts of a message give way to new ones that do not have it.

FORMAT.md, section 9. Whoever can open the message writes what stays as new parts, each under a new
key, with words and peaks made anew; this is the database's side of it.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.destroying import Destroyed, destroy_part
from listen_sinks.voicemail.index.erasures import Erasures, load_receipt
from listen_sinks.voicemail.index.errors import OnHold, UnknownMessage, WrongState
from listen_sinks.voicemail.index.leases import use_up
from listen_sinks.voicemail.index.messages import locked_message, refuse_if_held
from listen_sinks.voicemail.index.parts import add_part
from listen_sinks.voicemail.index.records import Lease, Receipt, ShippedPart
from listen_sinks.voicemail.index.schema import ErasedPartRow, ErasureRow, MessageRow, PartRow


async def next_part(erasures: Erasures, tenant: str, message: str) -> int:
    """Return a part number that the message never had. Raises UnknownMessage, IndexAway."""
    async with erasures.database.reading() as session:
        newest = await session.scalar(
            select(func.max(PartRow.part))
            .join(MessageRow, MessageRow.id == PartRow.message)
            .where(PartRow.message == message, MessageRow.tenant == tenant)
        )
        gone = await session.scalar(
            select(func.max(ErasedPartRow.part)).where(ErasedPartRow.message == message)
        )
    if newest is None:
        raise UnknownMessage(f"tenant {tenant} has no message {message} with a part")
    return max(newest, -1 if gone is None else gone) + 1


async def replace_parts(
    erasures: Erasures,
    tenant: str,
    message: str,
    old: Sequence[int],
    new: Sequence[ShippedPart],
    *,
    actor: str,
    leases: Sequence[Lease] = (),
) -> Receipt:
    """Put new parts, whose objects are in the store, in the place of the first of the old ones.

    Again, it returns the receipt of the first time. Name as old every part that says what is to
    go: a transcript that came later is a part of its own. `leases` are those of the new parts, if
    there are any. Raises UnknownMessage if the message has no such part, OnHold, StaleFence,
    WrongState if a new number is taken, IndexAway.
    """
    try:
        async with erasures.database.writing() as session:
            row = await locked_message(session, tenant, message)
            if earlier := await _earlier(session, message, old, new):
                return earlier
            await refuse_if_held(session, row)
            positions = await _positions(session, message, old, new)
            for lease in leases:
                await use_up(session, lease)
            erasure = await erasures.begin(session, "redaction", tenant, row.mailbox)
            done = Destroyed()
            for part in old:
                await destroy_part(session, message, part, erasure.id, done)
            for shipped in new:
                await add_part(session, shipped, position=min(positions))
            await _add_up(session, row)
            event = AuditEvent("redact", actor, message)
            receipt = await erasures.complete(session, erasure, done, event)
    except OnHold:
        await erasures.refused(actor, message)
        raise
    return await erasures.scrub(receipt)


async def _earlier(
    session: AsyncSession, message: str, old: Sequence[int], new: Sequence[ShippedPart]
) -> Receipt | None:
    """Return the receipt of the erasure that all of these parts went in, if there was one.

    Raises WrongState if other parts than these came for them.
    """
    gone = [await session.get(ErasedPartRow, (message, part)) for part in old]
    erasures = {row.erasure if row else None for row in gone}
    if len(erasures) != 1 or None in erasures:
        return None
    for part in new:
        came = await session.get(PartRow, (message, part.part))
        if came is None or came.digest != part.digest:
            raise WrongState(f"message {message} was changed by somebody else: try again")
    row = await session.get(ErasureRow, erasures.pop())
    return await load_receipt(session, row) if row else None


async def _positions(
    session: AsyncSession, message: str, old: Sequence[int], new: Sequence[ShippedPart]
) -> list[int]:
    rows = (await session.scalars(select(PartRow).where(PartRow.message == message))).all()
    positions = {row.part: row.position for row in rows}
    if not old or not set(old) <= set(positions):
        raise UnknownMessage(f"message {message} does not have all of the parts {list(old)}")
    for part in new:
        if (
            part.message != message
            or part.part in positions
            or await session.get(ErasedPartRow, (message, part.part)) is not None
        ):
            raise WrongState(f"a new part of {message} needs a number that it never had")
    return [positions[part] for part in old]


async def _add_up(session: AsyncSession, message: MessageRow) -> None:
    rows = (await session.scalars(select(PartRow).where(PartRow.message == message.id))).all()
    message.seconds = sum(row.frames / row.sample_rate for row in rows)
    message.size = sum(row.size for row in rows)

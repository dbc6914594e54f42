"""Who ships which part, where several workers could: a lease for a while, with a fence.

    claim_part -> Lease -> renew_lease ... -> record_shipped(fence=lease.fence)

The fence grows with every lease of a part, so that a worker that was slow, and thought dead, is
refused when it comes back.
"""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import StaleFence
from listen_sinks.voicemail.index.records import Lease
from listen_sinks.voicemail.index.schema import ErasedMessageRow, ErasedPartRow, LeaseRow, PartRow
from listen_sinks.voicemail.index.statements import insert_once


async def claim_part(
    database: Database, message: str, part: int, owner: str, until: datetime
) -> Lease | None:
    """Take the right to ship a part, or take it over from an owner whose time is up.

    None if another has it, or the part is stored or erased already. Raises IndexAway.
    """
    now = datetime.now(UTC)
    async with database.writing() as session:
        free = {"message": message, "part": part, "owner": "", "until": now, "fence": 0}
        await insert_once(session, LeaseRow, free)
        row = await _locked(session, message, part)
        is_done = await _is_done(session, message, part)
        if row is None or is_done or (row.until > now and row.owner != owner):
            await session.rollback()
            return None
        row.owner, row.until, row.fence = owner, until, row.fence + 1
        return Lease(message, part, owner, until, row.fence)


async def renew_lease(database: Database, lease: Lease, until: datetime) -> Lease:
    """Keep the right for longer. Raises StaleFence if another has taken it over, IndexAway."""
    async with database.writing() as session:
        row = await _locked(session, lease.message, lease.part)
        if row is None or row.fence != lease.fence:
            raise StaleFence(f"part {lease.part} of {lease.message} is somebody else's by now")
        row.until = until
    return Lease(lease.message, lease.part, lease.owner, until, lease.fence)


async def _locked(session: AsyncSession, message: str, part: int) -> LeaseRow | None:
    row: LeaseRow | None = await session.scalar(
        select(LeaseRow).where(LeaseRow.message == message, LeaseRow.part == part).with_for_update()
    )
    return row


async def _is_done(session: AsyncSession, message: str, part: int) -> bool:
    return bool(
        await session.get(PartRow, (message, part))
        or await session.get(ErasedPartRow, (message, part))
        or await session.get(ErasedMessageRow, message)
    )

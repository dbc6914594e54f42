"""Who does what, where several could: a lease for a while; of a part, with a fence.

    claim_part -> Lease -> renew_lease ... -> record_shipped(fence=lease.fence)

The fence grows with every lease of a part, so that a worker that was slow, and thought dead, is
refused when it comes back. A task is what may safely be done twice, and need not be: it has none.
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


async def claim_task(database: Database, task: str, owner: str, until: datetime) -> bool:
    """Take on a task, keep it for longer, or take it over. False if it is another's still.

    `task` is a word, and no ULID: it shares the table with parts. Raises IndexAway.
    """
    now = datetime.now(UTC)
    async with database.writing() as session:
        values = {"message": task, "part": 0, "owner": owner, "until": until, "fence": 1}
        if await insert_once(session, LeaseRow, values):
            return True
        row = await _locked(session, task, 0)
        if row is None or (row.until > now and row.owner != owner):
            return False
        row.owner, row.until, row.fence = owner, until, row.fence + 1
        return True


async def drop_task(database: Database, task: str, owner: str) -> None:
    """Leave a task to others, if it is this owner's. Raises IndexAway."""
    async with database.writing() as session:
        row = await _locked(session, task, 0)
        if row is not None and row.owner == owner:
            await session.delete(row)


async def drop_lease(database: Database, lease: Lease) -> None:
    """Give up the right to a part, if it is still the newest. Raises IndexAway."""
    async with database.writing() as session:
        row = await _locked(session, lease.message, lease.part)
        if row is not None and row.fence == lease.fence:
            await session.delete(row)


async def use_up(session: AsyncSession, lease: Lease) -> None:
    """End a lease in the transaction of what it was for. Raises StaleFence."""
    row = await _locked(session, lease.message, lease.part)
    if row is None or row.fence != lease.fence:
        raise StaleFence(f"part {lease.part} of {lease.message} is somebody else's by now")
    await session.delete(row)


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

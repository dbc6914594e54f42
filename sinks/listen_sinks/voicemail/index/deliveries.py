"""Taking events out of the outbox: claimed for a while, delivered, and settled. outbox.py puts.

    claim -> (delivered to the target) -> settle

To claim is to move `due_at` into the future: a process that is killed in between leaves the event
to whoever looks after that, and the fence refuses what it would have said. Of events about one
thing only the oldest that waits can be claimed, so that they arrive in their order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import DeliveryState
from listen_sinks.voicemail.index.schema import DeliveryRow, EventRow, EventTargetRow
from listen_sinks.voicemail.index.statements import count
from listen_sinks.webhook.events import Event, EventType


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this process delivers to a target, as long as nobody else takes it over."""

    delivery: int
    fence: int
    event: Event
    since: datetime  # when it began to wait
    tries: int  # that were made before


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try."""

    claimed: Claimed
    state: DeliveryState
    result: str  # in a few words
    due_at: datetime  # when to try again, where it still waits
    counts: bool = True  # as a try; else it was only put off


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """How many deliveries are not done: an event counts once for each target."""

    waiting: int
    dead: int
    oldest: datetime | None  # since when the oldest that waits does


async def claim(
    database: Database, target: str, now: datetime, until: datetime, limit: int
) -> list[Claimed]:
    """Claim what is due for a target until a moment, the longest due first. Raises IndexAway.

    Looks first, without a lock: mostly there is nothing.
    """
    due = _due(target, now)
    async with database.reading() as session:
        if await session.scalar(select(DeliveryRow.id).where(due).limit(1)) is None:
            return []
    query = select(DeliveryRow, EventRow).join(EventRow, EventRow.id == DeliveryRow.event)
    ordered = query.where(due).order_by(DeliveryRow.due_at, DeliveryRow.id).limit(limit)
    async with database.writing() as session:
        found = ordered.with_for_update(of=DeliveryRow, skip_locked=True)
        claimed = [
            Claimed(row.id, row.fence + 1, delivered_event(event), row.since, row.tries)
            for row, event in await session.execute(found)
        ]
        await session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_([one.delivery for one in claimed]))
            .values(due_at=until, fence=DeliveryRow.fence + 1)
            .execution_options(synchronize_session=False)
        )
        return claimed


async def settle(database: Database, tries: Sequence[Tried], now: datetime) -> None:
    """Write down what came of tries, but for those that another has taken over. Raises IndexAway.

    Called again with the same values, it changes nothing that others have done meanwhile.
    """
    alike: dict[tuple[DeliveryState, str, datetime, bool], list[tuple[int, int]]] = {}
    for tried in sorted(tries, key=lambda one: one.claimed.delivery):
        what = (tried.state, tried.result, tried.due_at, tried.counts)
        alike.setdefault(what, []).append((tried.claimed.delivery, tried.claimed.fence))
    async with database.writing() as session:
        for (state, result, due_at, counts), mine in alike.items():
            values = {
                "state": state,
                "result": result[:64],
                "tries": DeliveryRow.tries + int(counts),
                "due_at": due_at,
                "done_at": None if state == "waiting" else now,
                "fence": DeliveryRow.fence + 1,
            }
            await session.execute(
                update(DeliveryRow)
                .where(tuple_(DeliveryRow.id, DeliveryRow.fence).in_(mine))
                .values(**values)
                .execution_options(synchronize_session=False)
            )


async def target_is_gone(database: Database, target: str, now: datetime) -> bool:
    """Take a target that said so out of use; what waits for it dies. Raises IndexAway.

    False if somebody has done so already.
    """
    async with database.writing() as session:
        row = await session.get(EventTargetRow, target, with_for_update=True)
        if row is None or row.state != "on":
            return False
        row.state, row.changed_at = "gone", now
        await let_die(session, target, "target gone", now)
    return True


async def let_die(session: AsyncSession, target: str, why: str, now: datetime) -> None:
    """Give up what waits for a target. The fence moves: what is under way counts no more."""
    waiting = and_(DeliveryRow.target == target, DeliveryRow.state == "waiting")
    await session.execute(
        update(DeliveryRow)
        .where(waiting)
        .values(state="dead", result=why, done_at=now, fence=DeliveryRow.fence + 1)
        .execution_options(synchronize_session=False)
    )


async def look(database: Database) -> OutboxBacklog:
    """Return how much waits, and is given up. Raises IndexAway."""
    unsettled = DeliveryRow.state.in_(("waiting", "dead"))
    query = select(DeliveryRow.state, func.count(), func.min(DeliveryRow.since))
    async with database.reading() as session:
        rows = (await session.execute(query.where(unsettled).group_by(DeliveryRow.state))).all()
    found = {state: (number, oldest) for state, number, oldest in rows}
    waiting, oldest = found.get("waiting", (0, None))
    return OutboxBacklog(waiting, found.get("dead", (0, None))[0], oldest)


async def forget_settled(database: Database, state: DeliveryState, before: datetime) -> int:
    """Delete what was delivered, or died, before a moment; return how many. Raises IndexAway."""
    old = and_(DeliveryRow.state == state, DeliveryRow.done_at < before)
    async with database.writing() as session:
        forgotten = count(await session.execute(delete(DeliveryRow).where(old)))
        left = exists().where(DeliveryRow.event == EventRow.id)
        await session.execute(delete(EventRow).where(~left, EventRow.at < before))
    return forgotten


async def on_targets(database: Database) -> Collection[str]:
    """Return the targets that are in use. Raises IndexAway."""
    async with database.reading() as session:
        names = select(EventTargetRow.name).where(EventTargetRow.state == "on")
        return set(await session.scalars(names))


def delivered_event(row: EventRow) -> Event:
    """Return the event that a row holds."""
    kind = cast("EventType", row.type)  # outbox.py has put it there
    return Event(kind, row.about, row.tenant, row.data, row.at, row.id)


def _due(target: str, now: datetime) -> ColumnElement[bool]:
    before = aliased(DeliveryRow)
    in_front = exists().where(
        before.target == DeliveryRow.target,
        before.about == DeliveryRow.about,
        before.state == "waiting",
        before.id < DeliveryRow.id,
    )
    return and_(
        DeliveryRow.target == target,
        DeliveryRow.state == "waiting",
        DeliveryRow.due_at <= now,
        ~in_front,
    )

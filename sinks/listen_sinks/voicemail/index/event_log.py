"""Which events there were and what became of them, and having them delivered again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import delivered_event
from listen_sinks.voicemail.index.records import DeliveryState
from listen_sinks.voicemail.index.schema import DeliveryRow, EventRow, EventTargetRow
from listen_sinks.voicemail.index.statements import chunks, count
from listen_sinks.webhook.events import Event

MOST: Final = 1000
"""Events in one list."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far an event is on its way to one target."""

    target: str
    state: DeliveryState
    tries: int
    due_at: datetime
    result: str | None  # of the last try
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event, and what became of it."""

    event: Event
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Which:
    """Which deliveries are meant: those that fit all that is given."""

    events: Collection[str] | None = None  # ids
    state: DeliveryState | None = None
    target: str | None = None
    type: str | None = None
    about: str | None = None
    since: datetime | None = None  # of what has happened after it


async def list_events(database: Database, which: Which, limit: int = 50) -> list[LoggedEvent]:
    """Return events, the newest first, with all their deliveries. Raises IndexAway."""
    fitting = exists().where(DeliveryRow.event == EventRow.id, _deliveries(which))
    query = select(EventRow).where(fitting, _events(which))
    async with database.reading() as session:
        newest = query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(min(limit, MOST))
        rows = (await session.scalars(newest)).all()
        ids = [row.id for row in rows]
        found: dict[str, list[Delivery]] = {id_: [] for id_ in ids}
        for some in chunks(ids):
            mine = select(DeliveryRow).where(DeliveryRow.event.in_(some))
            for one in await session.scalars(mine.order_by(DeliveryRow.target)):
                found[one.event].append(_delivery(one))
        return [LoggedEvent(delivered_event(row), tuple(found[row.id])) for row in rows]


async def replay(database: Database, which: Which) -> int:
    """Have these delivered again, or now if they wait; return how many. Raises IndexAway.

    A target that is named, and was gone, is in use again; what another that is gone or retired
    has missed stays as it is.
    """
    now = datetime.now(UTC)
    async with database.writing() as session:
        if which.target is not None:
            await _use_again(session, which.target, now)
        on = select(EventTargetRow.name).where(EventTargetRow.state == "on")
        fitting = select(EventRow.id).where(_events(which))
        done = await session.execute(
            update(DeliveryRow)
            .where(_deliveries(which), DeliveryRow.event.in_(fitting), DeliveryRow.target.in_(on))
            .values(
                state="waiting",
                since=now,
                due_at=now,
                tries=0,
                fence=DeliveryRow.fence + 1,
                done_at=None,
            )
            .execution_options(synchronize_session=False)
        )
    return count(done)


async def list_targets(database: Database) -> dict[str, str]:
    """Return the state of every target, by name. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(select(EventTargetRow).order_by(EventTargetRow.name))
        return {row.name: row.state for row in rows}


async def _use_again(session: AsyncSession, target: str, now: datetime) -> None:
    row = await session.get(EventTargetRow, target, with_for_update=True)
    if row is not None and row.state == "gone":
        row.state, row.changed_at = "on", now
        await session.flush()


def _deliveries(which: Which) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [DeliveryRow.id.is_not(None)]
    if which.events is not None:
        conditions.append(DeliveryRow.event.in_(which.events))
    if which.state is not None:
        conditions.append(DeliveryRow.state == which.state)
    if which.target is not None:
        conditions.append(DeliveryRow.target == which.target)
    return and_(*conditions)


def _events(which: Which) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [EventRow.id.is_not(None)]
    if which.type is not None:
        conditions.append(EventRow.type == which.type)
    if which.about is not None:
        conditions.append(EventRow.about == which.about)
    if which.since is not None:
        conditions.append(EventRow.at >= which.since)
    return and_(*conditions)


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(row.target, row.state, row.tries, row.due_at, row.result, row.done_at)

"""Putting events into the outbox, in the transaction of what they tell; deliveries.py has the rest.

    async with database.writing() as session:
        ...                              # what happens
        await put(session, event)        # and that it has

Either both are there afterwards, or neither. Where nobody wants to be told, nothing is written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import let_die
from listen_sinks.voicemail.index.schema import DeliveryRow, EventRow, EventTargetRow
from listen_sinks.voicemail.index.statements import insert_new, insert_once
from listen_sinks.webhook.events import Event, EventType


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a target wants to be told of."""

    events: Collection[str]  # types
    tenants: Collection[str] | None  # None: of all, and of what is no tenant's
    fingerprint: str  # 64 hex digits that are others for another address


async def put(session: AsyncSession, *events: Event) -> None:
    """Have these delivered to whoever wants them. One that is there already stays as it is.

    Call it when the rows of what is told are locked: that decides about the order.
    """
    if not events:
        return
    targets = await _targets(session)
    if not targets:
        return
    wanting = {
        event.id: (event, names)
        for event in events
        if (names := [one.name for one in targets if _wants(one, event.type, event.tenant)])
    }
    new = await insert_new(session, EventRow, [_values(event) for event, _ in wanting.values()])
    deliveries = [
        _first_values(event, name)
        for event, names in wanting.values()
        for name in names
        if event.id in new
    ]
    if deliveries:
        await session.execute(insert(DeliveryRow), deliveries)


async def is_wanted(session: AsyncSession, event: EventType, tenant: str) -> bool:
    """Say whether anybody wants such an event: one that has to be found out costs something."""
    return any(_wants(target, event, tenant) for target in await _targets(session))


async def put_alone(database: Database, events: Iterable[Event]) -> None:
    """Put events of what is in no database, in a transaction of their own. Raises IndexAway."""
    async with database.writing() as session:
        await put(session, *events)


async def subscribe(database: Database, wanted: Mapping[str, Subscription]) -> Sequence[str]:
    """Make these the targets that there are; return the names of those that are gone (410).

    What waits for a target that is none any more, dies. One with a new address begins anew.
    Raises IndexAway.
    """
    now = datetime.now(UTC)
    async with database.writing() as session:
        rows = {row.name: row for row in await session.scalars(select(EventTargetRow))}
        for name in rows.keys() - wanted.keys():
            if rows[name].state != "retired":
                rows[name].state, rows[name].changed_at = "retired", now
                await let_die(session, name, "not configured", now)
        for name, one in wanted.items():
            if name in rows:
                _renew(rows[name], one, now)
            else:
                await insert_once(session, EventTargetRow, _first_state(name, one, now))
        return [name for name in wanted if name in rows and rows[name].state == "gone"]


def _renew(row: EventTargetRow, wanted: Subscription, now: datetime) -> None:
    if row.state == "retired" or row.fingerprint != wanted.fingerprint:
        row.state, row.changed_at = "on", now
    first = _first_state(row.name, wanted, now)
    row.events, row.tenants = first["events"], first["tenants"]
    row.fingerprint = wanted.fingerprint


def _first_state(name: str, wanted: Subscription, now: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "state": "on",
        "events": sorted(wanted.events),
        "tenants": None if wanted.tenants is None else sorted(wanted.tenants),
        "fingerprint": wanted.fingerprint,
        "changed_at": now,
    }


async def _targets(session: AsyncSession) -> Sequence[EventTargetRow]:
    on = select(EventTargetRow).where(EventTargetRow.state == "on").order_by(EventTargetRow.name)
    return (await session.scalars(on.with_for_update(read=True))).all()


def _wants(target: EventTargetRow, event: str, tenant: str | None) -> bool:
    return event in target.events and (target.tenants is None or tenant in target.tenants)


def _values(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "type": event.type,
        "about": event.about,
        "tenant": event.tenant,
        "at": event.at,
        "data": dict(event.data),
    }


def _first_values(event: Event, target: str) -> dict[str, object]:
    return {
        "event": event.id,
        "target": target,
        "about": event.about,
        "state": "waiting",
        "since": event.at,
        "due_at": event.at,
        "tries": 0,
        "fence": 0,
    }

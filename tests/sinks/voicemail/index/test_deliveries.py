import asyncio
from datetime import UTC, datetime, timedelta

from outboxes import make_event, wants_all

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import (
    Claimed,
    OutboxBacklog,
    Tried,
    claim,
    forget_settled,
    look,
    settle,
)
from listen_sinks.voicemail.index.event_log import Which, list_events, replay
from listen_sinks.voicemail.index.outbox import put_alone, subscribe
from listen_sinks.webhook.events import Event

MESSAGE = "01KB000000000000000000000A"


def at(seconds: float = 0.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def waiting(database: Database, *events: Event, targets: tuple[str, ...] = ("crm",)) -> None:
    await subscribe(database, wants_all(*targets))
    await put_alone(database, events)


async def take(database: Database, seconds: float = 60.0, limit: int = 100) -> list[Claimed]:
    return await claim(database, "crm", at(), at(seconds), limit)


def delivered(one: Claimed) -> Tried:
    return Tried(one, "delivered", "200", at())


async def test_of_many_processes_one_gets_an_event(database: Database) -> None:
    events = [make_event() for _ in range(20)]
    await waiting(database, *events)

    claims = await asyncio.gather(*[take(database, limit=5) for _ in range(8)])

    got = [one.event.id for some in claims for one in some]
    assert len(got) == len(set(got)) <= 20
    rest = [one.event.id for one in await take(database)]
    assert sorted([*got, *rest]) == sorted(event.id for event in events)


async def test_of_events_about_one_message_only_the_oldest_is_claimed(database: Database) -> None:
    events = [make_event(MESSAGE, part=number) for number in range(3)]
    await waiting(database, *events)

    arrived = []
    for _ in events:
        (one,) = await take(database)
        assert await take(database) == []
        await settle(database, [delivered(one)], at())
        arrived.append(one.event)

    assert arrived == events


async def test_an_event_waits_for_each_webhook_apart(database: Database) -> None:
    await waiting(database, make_event(), targets=("crm", "other"))

    (one,) = await take(database)
    await settle(database, [delivered(one)], at())

    assert await take(database) == []
    assert len(await claim(database, "other", at(), at(60), 10)) == 1


async def test_who_was_thought_dead_settles_nothing(database: Database) -> None:
    await waiting(database, make_event())
    (slow,) = await take(database, seconds=-1)
    (fast,) = await take(database)

    await settle(database, [Tried(slow, "dead", "500", at())], at())
    (event,) = await list_events(database, Which())
    assert event.deliveries[0].state == "waiting"

    await settle(database, [delivered(fast)], at())
    await settle(database, [Tried(slow, "waiting", "500", at())], at())
    (event,) = await list_events(database, Which())
    assert (event.deliveries[0].state, event.deliveries[0].tries) == ("delivered", 1)


async def test_what_failed_comes_again_when_it_is_due(database: Database) -> None:
    await waiting(database, make_event())
    (one,) = await take(database)

    await settle(database, [Tried(one, "waiting", "500", at(60))], at())

    assert await take(database) == []
    (again,) = await claim(database, "crm", at(61), at(120), 10)
    assert (again.event, again.tries) == (one.event, 1)


async def test_a_replay_takes_an_event_from_who_delivers_it(database: Database) -> None:
    await waiting(database, make_event())
    (one,) = await take(database)

    assert await replay(database, Which(events=[one.event.id])) == 1
    await settle(database, [delivered(one)], at())

    (again,) = await take(database)
    assert again.event == one.event


async def test_it_is_known_how_much_waits_since_when_and_what_was_given_up(
    database: Database,
) -> None:
    assert await look(database) == OutboxBacklog(0, 0, None)
    event = make_event()
    await waiting(database, event, make_event(), make_event())

    assert await look(database) == OutboxBacklog(3, 0, event.at)

    first, second, third = await take(database)
    await settle(database, [delivered(first), Tried(second, "dead", "500", at())], at())
    assert await look(database) == OutboxBacklog(1, 1, third.since)
    await settle(database, [delivered(third)], at())
    assert await look(database) == OutboxBacklog(0, 1, None)


async def test_what_was_settled_long_ago_is_forgotten_and_nothing_else(database: Database) -> None:
    old, dead, waits = (make_event() for _ in range(3))
    await waiting(database, old, dead, waits)
    claimed = {one.event.id: one for one in await take(database)}
    await settle(database, [delivered(claimed[old.id])], at())
    await settle(database, [Tried(claimed[dead.id], "dead", "500", at())], at())

    assert await forget_settled(database, "delivered", at(-60)) == 0
    assert await forget_settled(database, "delivered", at(60)) == 1

    left = {one.event.id for one in await list_events(database, Which())}
    assert left == {dead.id, waits.id}

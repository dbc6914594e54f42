import asyncio
from collections import Counter

from harness import until
from outboxes import delivering, make_event
from webhook_receiver import Received, Receiver

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.event_log import Which, list_events, list_targets, replay

DAY = 86400.0  # seconds


async def test_an_event_arrives_signed_with_its_id_and_what_it_carries(
    database: Database, receiver: Receiver
) -> None:
    event = make_event()

    async with delivering(database, {"crm": receiver}, events=[event]) as tally:
        await receiver.until_accepted(1)

    (one,) = receiver.received
    assert one.id == event.id
    assert one.path == "/events?from=listen-server"
    assert one.headers["content-type"] == "application/json"
    assert one.told["type"] == "message.transcribed"
    assert one.told["data"] == {"tenant": "acme", **event.data}
    assert tally.tried == {("message.transcribed", "delivered"): 1}


async def test_a_thousand_events_wait_and_each_arrives_once(
    database: Database, receiver: Receiver
) -> None:
    events = [make_event() for _ in range(1000)]

    targets = {"crm": receiver.settings(at_once=64)}
    async with delivering(database, targets, events=events):
        await receiver.until_accepted(1000)

    assert Counter(receiver.accepted) == Counter(event.id for event in events)


async def test_while_one_event_fails_those_behind_it_wait_and_others_do_not(
    database: Database, receiver: Receiver
) -> None:
    first, second, third = (make_event("01KB000000000000000000000A", part=n) for n in range(3))
    others = [make_event() for _ in range(20)]
    fails = 5

    def answer(one: Received) -> int:
        nonlocal fails
        if one.id == first.id and fails:
            fails -= 1
            return 400
        return 200

    receiver.answer = answer
    events = [first, *others[:10], second, *others[10:], third]
    async with delivering(database, {"crm": receiver}, events=events, speed=200):
        await receiver.until_accepted(len(events))

    about = [id_ for id_ in receiver.accepted if id_ in {first.id, second.id, third.id}]
    assert about == [first.id, second.id, third.id]
    assert set(receiver.accepted[:20]) == {event.id for event in others}


async def test_a_service_that_answers_500_for_a_day_gets_everything_in_the_end(
    database: Database, receiver: Receiver
) -> None:
    speed = 20_000.0
    event = make_event()
    loop = asyncio.get_running_loop()
    over = loop.time() + DAY / speed

    def answer(_: Received) -> int:
        few = len(receiver.received) <= 20  # on a slow machine, tries take hours of that day
        return 500 if few or loop.time() < over else 200

    receiver.answer = answer

    patient = {"crm": receiver.settings(give_up_days=30)}
    async with delivering(database, patient, events=[event], speed=speed) as tally:
        await receiver.until_accepted(1)

    assert {one.id for one in receiver.received} == {event.id}
    assert 20 <= tally.outcomes()["failed"] <= 80  # no storm, and no silence
    (logged,) = await list_events(database, Which())
    assert logged.deliveries[0].state == "delivered"


async def test_what_nobody_takes_is_given_up_and_can_be_replayed(
    database: Database, receiver: Receiver
) -> None:
    event = make_event()
    receiver.answer = lambda _: 500

    async with delivering(database, {"crm": receiver}, events=[event], speed=100_000) as tally:
        await _until_state(database, "dead")
        assert tally.outcomes()["dead"] == 1
        receiver.answer = lambda _: 204
        assert await replay(database, Which(state="dead", target="crm")) == 1
        await receiver.until_accepted(1)

    assert {one.id for one in receiver.received} == {event.id}


async def test_a_service_that_is_gone_is_told_nothing_until_a_replay(
    database: Database, receiver: Receiver
) -> None:
    first, second = make_event(), make_event("01KB000000000000000000000A")
    receiver.answer = lambda _: 410

    async with delivering(database, {"crm": receiver.settings(at_once=1)}, events=[first, second]):
        await _until_state(database, "dead")
        assert await list_targets(database) == {"crm": "gone"}
        assert len(receiver.received) == 1
        receiver.answer = lambda _: 200
        assert await replay(database, Which(target="crm")) == 2
        await receiver.until_accepted(2)

    assert await list_targets(database) == {"crm": "on"}


async def test_a_redirect_is_not_followed(database: Database, receiver: Receiver) -> None:
    async with Receiver().running() as inside:
        found = f"HTTP/1.1 307 Found\r\nlocation: {inside.url}\r\ncontent-length: 0\r\n\r\n"
        receiver.answer = lambda _: found.encode()
        async with delivering(database, {"crm": receiver}, events=[make_event()]) as tally:
            await until(lambda: tally.outcomes()["failed"] >= 2)

        assert inside.connections == 0
    (logged,) = await list_events(database, Which())
    assert (logged.deliveries[0].state, logged.deliveries[0].result) == ("waiting", "307")


async def test_a_service_that_hangs_holds_up_no_other(database: Database) -> None:
    async def hang(_: Received) -> int:
        await asyncio.Event().wait()
        return 200

    events = [make_event() for _ in range(20)]
    async with Receiver(answer=hang).running() as hanging, Receiver().running() as other:
        targets = {"hangs": hanging.settings(timeout=0.2), "other": other.settings()}
        async with delivering(database, targets, events=events) as tally:
            await other.until_accepted(20)
            await hanging.until(lambda: len(hanging.received) >= 2)
            assert tally.outcomes()["dead"] == 0


async def test_what_a_service_refuses_comes_when_it_listens(database: Database) -> None:
    receiver = Receiver()
    async with receiver.running():
        pass  # the port is known, and nobody is there
    async with delivering(database, {"crm": receiver}, events=[make_event()]) as tally:
        await until(lambda: tally.outcomes()["failed"])
        async with receiver.running():
            await receiver.until_accepted(1)


async def _until_state(database: Database, state: str) -> None:
    async with asyncio.timeout(20):
        found: set[str] = set()
        while found != {state}:
            logged = await list_events(database, Which())
            found = {one.state for entry in logged for one in entry.deliveries}

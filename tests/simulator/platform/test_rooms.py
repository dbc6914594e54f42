"""Queues and conferences: waiting in them, leaving them, and what is told of them."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, at, called, dialogue, raw_app

WAIT = [{"verb": "say", "text": "please wait"}, {"verb": "pause", "length": 10}]
ENQUEUE = {"verb": "enqueue", "name": "help", "waitHook": "/wait", "actionHook": "/left"}
DEQUEUE = {"verb": "dequeue", "name": "help", "actionHook": "/taken"}
MEETING = {
    "verb": "conference",
    "name": "m",
    "actionHook": "/met",
    "statusHook": "/event",
    "statusEvents": ["start", "join", "leave", "end"],
}


async def test_a_caller_in_a_queue_is_told_where_they_are_and_taken_out() -> None:
    async with raw_app({"/": [ENQUEUE, HANGUP], "/wait": WAIT}) as app:
        outcome = await called(app.url, "queue help is answered after 25 for 20")

    assert [told["queue_time"] for told in app.told("/wait")] == [0, 11, 22]
    assert app.told("/wait")[0]["queue_position"] == 0
    (left,) = app.told("/left")
    assert (left["queue_result"], left["queue_time"]) == ("bridged", 45)
    assert left["queue_sid"].endswith(":help")
    assert at(outcome, "takes the caller out of help") == 25


async def test_leave_ends_the_wait_after_what_stands_before_it() -> None:
    answers = {"/": [ENQUEUE, HANGUP], "/wait": [WAIT[0], {"verb": "leave"}, WAIT[1]]}
    async with raw_app(answers) as app:
        outcome = await called(app.url)

    assert app.told("/left")[0]["queue_result"] == "leave"
    assert dialogue(outcome).count("says 'please wait'") == 1
    assert at(outcome, "asks /left") < 2


async def test_a_caller_who_hangs_up_in_a_queue_is_told_as_that() -> None:
    async with raw_app({"/": [ENQUEUE, HANGUP], "/wait": WAIT}) as app:
        await called(app.url, "15 hang up")

    assert app.told("/left")[0]["queue_result"] == "hangup"


async def test_a_queue_without_music_is_silent_until_somebody_comes() -> None:
    verb = {"verb": "enqueue", "name": "help", "actionHook": "/left"}
    async with raw_app({"/": [verb, HANGUP]}) as app:
        await called(app.url, "queue help is answered after 30 for 5")

    assert app.told("/left")[0]["queue_time"] == 35


async def test_dequeue_finds_somebody_or_gives_up() -> None:
    async with raw_app({"/": [DEQUEUE, HANGUP]}) as app:
        found = await called(app.url, "queue help has a caller after 4 for 20")
    assert app.told("/taken")[0]["dequeue_result"] == "complete"
    assert at(found, "connects the first") == 6  # it looks every 5 s, after the first second

    async with raw_app({"/": [{**DEQUEUE, "timeout": 12}, HANGUP]}) as app:
        nobody = await called(app.url)
    assert app.told("/taken")[0]["dequeue_result"] == "timeout"
    assert at(nobody, "asks /taken") == 12


async def test_a_conference_tells_its_events() -> None:
    async with raw_app({"/": [MEETING, HANGUP]}) as app:
        await called(app.url, "conference m ends after 30")

    events = [(told["event"], told["members"]) for told in app.told("/event")]
    assert events == [("start", 0), ("join", 1), ("leave", 0), ("end", 0)]
    assert app.told("/event")[0]["friendly_name"] == "m"
    assert len(app.told("/met")) == 1


async def test_a_conference_that_goes_on_already_is_joined() -> None:
    async with raw_app({"/": [MEETING, HANGUP]}) as app:
        await called(app.url, "conference m has 2 members", "10 hang up")

    events = [(told["event"], told["members"]) for told in app.told("/event")]
    assert events == [("join", 3), ("leave", 2)]


async def test_who_may_not_start_a_conference_waits_for_it() -> None:
    verb: dict[str, Any] = {**MEETING, "startConferenceOnEnter": False, "waitHook": "/wait"}
    answers = {"/": [{**verb, "enterHook": "/in", "beep": True}, HANGUP], "/wait": WAIT}
    async with raw_app({**answers, "/in": [{"verb": "say", "text": "it begins"}]}) as app:
        outcome = await called(app.url, "conference m starts after 20 for 60")

    assert dialogue(outcome).count("says 'please wait'") == 2
    assert at(outcome, "says 'it begins'") == 20
    assert at(outcome, "asks /met") > 80
    assert "beeps" in dialogue(outcome)


@pytest.mark.parametrize(
    ("lines", "answer", "told_events"),
    [
        (
            ("queue help is answered after 25 for 20",),
            WAIT,
            [("join", 1, None), ("leave", 0, "dequeued")],
        ),
        (("15 hang up",), WAIT, [("join", 1, None), ("leave", 0, "abandoned")]),
        ((), [{"verb": "leave"}], [("join", 1, None), ("leave", 0, "abandoned")]),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_the_hook_of_the_account_is_told_of_queues_over_http(
    lines: tuple[str, ...], answer: Any, told_events: Any, scheme: str
) -> None:
    async with raw_app({"/": [ENQUEUE, HANGUP], "/wait": answer}, scheme) as app:
        hook = f"{app.url.replace('ws', 'http')}/queues"
        outcome = await called(app.url, *lines, queue_status=hook)

    told = app.told("/queues")
    events = [(one["event"], one["length"], one.get("leave_reason")) for one in told]
    assert events == told_events
    assert {one["queue"] for one in told} == {"help"}
    assert {one["call_sid"] for one in told} == {outcome.info.call_sid}
    assert not app.kinds("queue:status")


@pytest.mark.parametrize(("most", "is_in"), [(3, True), (2, False)])
async def test_a_caller_who_is_one_too_many_waits_in_silence(most: int, *, is_in: bool) -> None:
    verb = {**MEETING, "maxParticipants": most}
    async with raw_app({"/": [verb, HANGUP]}) as app:
        outcome = await called(app.url, "conference m has 2 members", "10 hang up")

    joined = "lets the caller into the conference m" in dialogue(outcome)
    waits = "waits before the conference m, which is full" in dialogue(outcome)
    assert (joined, waits) == (is_in, not is_in)
    assert [told["event"] for told in app.told("/event")] == ["join", "leave"] * is_in
    assert len(app.told("/met")) == is_in

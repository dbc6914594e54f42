"""A whole call, as a screenplay: the same over webhooks and over the websocket."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from harness import Running, serving, settings
from jambonz.peer import up
from simulator.platform.raw_app import HANGUP, LONG, at, called, command, dialogue, played, raw_app
from simulator.platform.reception import COLLEAGUE, Reception

from listen_server.jambonz import Addresses, served
from listen_server.jambonz.command_data import COMMANDS
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform import Outcome

SCRIPT = (
    "asked+0.5 press 1",
    f"party {COLLEAGUE} answers after 3 for 12",
    "asked press 2",
    "asked press 3",
    "conference meeting ends after 30",
    "asked+2 press 9",
)


async def _reception(running: Running, scheme: str) -> tuple[Outcome, Reception]:
    reception = Reception()
    app = served(reception, addresses=Addresses(audio=running.url("")))
    async with up(app) as address:
        return await called(f"{scheme}://{address}", *SCRIPT), reception


async def test_a_call_through_everything_is_the_same_dialogue_over_both_transports(
    tmp_path: Path,
) -> None:
    async with serving(settings(tmp_path)) as running:
        by_webhooks, first = await _reception(running, "http")
        by_socket, second = await _reception(running, "ws")
        recordings = [await running.recording(0), await running.recording(1)]

    assert str(by_webhooks.screenplay) == str(by_socket.screenplay)
    assert by_webhooks.refusals == by_socket.refusals == ()
    spoken = dialogue(by_socket)
    for happened in (
        "keeps step with the call",
        "asks /chosen with digits=1 reason=dtmfDetected",
        f"connects the caller with {COLLEAGUE}",
        "streams to /listen",
        "asks /dialled with dialCallStatus=completed dialSipStatus=200",
        "puts the caller into the queue help",
        "says 'Nobody is free.'",
        "lets the caller into the conference meeting",
        "tells of the conference: join, members=1",
        "asks /met",
        "says 'Good bye.'",
        "hangs up",
        "tells the status: completed",
    ):
        assert happened in spoken
    assert at(by_socket, "Good bye.") > 60
    for reception, recording in zip((first, second), recordings, strict=True):
        assert reception.conference == ["start", "join", "leave", "end"]
        assert reception.seen[:2] == [{"step": 1}, {"dialled": "completed"}]
        assert "completed" in reception.statuses
        assert recording.call.attributes["topic"] == "sales"
        assert recording.audio.shape == (2, 12 * 8000)


@pytest.mark.parametrize("moment", [0.2, 1.5, 4.0, 12.0, 19.0, 31.0, 70.0])
@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_the_caller_may_hang_up_at_any_moment(
    tmp_path: Path, moment: float, scheme: str
) -> None:
    reception = Reception()
    async with (
        serving(settings(tmp_path)) as running,
        up(served(reception, addresses=Addresses(audio=running.url("")))) as address,
    ):
        # cues wait for one another, so this caller presses keys at moments that do not wait
        keys = ("3.5 press 1", "22 press 2", "50 press 3")
        before = [key for key in keys if float(key.split()[0]) < moment]
        outcome = await called(f"{scheme}://{address}", *before, f"{moment} hang up")

    assert outcome.info.status == "completed"
    assert outcome.info.ended_by == "caller"
    assert outcome.screenplay.lines[-1].at == pytest.approx(moment, abs=0.01)
    assert "completed" in reception.statuses


async def test_minutes_pass_in_no_time_and_real_time_is_real() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcome = await played([{"verb": "answer"}, LONG, HANGUP])
    jumped = loop.time() - began

    began = loop.time()
    await played([{"verb": "answer"}, {"verb": "pause", "length": 0.3}, HANGUP], speed=1.0)
    real = loop.time() - began

    assert outcome.info.duration == 100
    assert jumped < 3
    assert real >= 0.3


async def test_a_call_that_nothing_answers_is_declined() -> None:
    outcome = await played([{"verb": "tag", "data": {"a": 1}}])

    assert dialogue(outcome)[-1] == "declines the call with 603: no verb has answered it"


async def test_a_caller_who_gives_up_before_the_answer_is_told_as_no_answer() -> None:
    outcome = await played([LONG], "5 hang up")

    assert (outcome.info.status, outcome.info.sip_status) == ("no-answer", 487)


async def test_patience_ends_a_call_that_would_never_end() -> None:
    outcome = await played([{"verb": "say", "text": "again", "loop": "forever"}], patience=30.0)

    assert dialogue(outcome, who="CALLER")[-1] == "hangs up, out of patience"


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_caller_who_waits_to_be_asked_in_vain_hangs_up_at_last(scheme: str) -> None:
    async with raw_app({"/": [{"verb": "answer"}, LONG]}, scheme) as app:
        outcome = await called(app.url, "asked press 1", patience=50.0)

    assert outcome.info.duration == 50


async def test_an_application_that_goes_in_circles_is_found_out() -> None:
    again = [{"verb": "redirect", "actionHook": "/"}]

    with pytest.raises(CallError, match="goes in circles"):
        await played({"/": again})


async def test_a_command_of_any_shape_is_survived() -> None:
    names = [*COMMANDS, "explode"]
    data: list[Any] = [1, "a", [], [1], {}, {"a": 1}, {"whisper": 1}, {"call_hook": "/"}]
    async with raw_app({"/": [{"verb": "answer"}, LONG, HANGUP]}, "ws") as app:
        skipped = {("redirect", str({"call_hook": "/"})), ("redirect", "[]")}
        app.writes["/"] = [
            command(name, one) for name in names for one in data if (name, str(one)) not in skipped
        ]
        outcome = await called(app.url)

    assert outcome.info.duration == 100


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "http://", "http://["])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CallError, match="no address of an application"):
        await called(url)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("status", "nope"),
        ("status", "ws://127.0.0.1:1/"),
        ("status", "http://"),
        ("queue_status", "/"),
    ],
)
async def test_a_hook_of_the_call_that_is_no_address_is_refused(name: str, address: str) -> None:
    with pytest.raises(CallError, match=f"'{address}' is no address for"):
        await called("http://127.0.0.1:9", **{name: address})


@pytest.mark.parametrize("url", ["http://[", "ws://127.0.0.1:1/", "http://a b/"])
async def test_a_hook_at_an_address_that_is_none_is_refused(url: str) -> None:
    gather = {"verb": "gather", "actionHook": url, "timeout": 1}
    outcome = await played([gather, HANGUP])

    assert [refusal.rule for refusal in outcome.refusals] == ["reachable"]
    assert outcome.info.status == "completed"

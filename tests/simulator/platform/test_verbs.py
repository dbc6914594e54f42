"""The verbs that need no file of their own, and streams that are real."""

from pathlib import Path
from typing import Any

import pytest
from harness import serving, settings
from simulator.platform.raw_app import HANGUP, LONG, at, called, dialogue, played, raw_app

from listen_server.jambonz.verbs import VERBS
from listen_server.simulator.platform.verbs import EXECUTORS

ANSWER = {"verb": "answer"}


def test_every_verb_is_executed() -> None:
    assert set(EXECUTORS) == set(VERBS)


async def test_say_takes_the_time_of_its_text_and_its_loops() -> None:
    text = {"verb": "say", "text": ["<speak>" + "a" * 30 + "</speak>", "b" * 15], "loop": 2}

    assert (await played([text, HANGUP])).info.duration == 6


async def test_pause_does_not_answer() -> None:
    outcome = await played([{"verb": "pause", "length": 3}, ANSWER, HANGUP])

    assert at(outcome, "answers the call") == 3


async def test_early_media_does_not_answer_and_a_decline_may_follow() -> None:
    verbs = [
        {"verb": "say", "text": "we are at lunch", "earlyMedia": True},
        {"verb": "sip:decline", "status": 480, "reason": "Gone"},
        LONG,
    ]
    async with raw_app({"/": verbs}) as app:
        outcome = await called(app.url)

    told = [(one["call_status"], one["sip_status"]) for one in app.told("/call-status")]
    assert told == [("trying", 100), ("early-media", 183), ("failed", 480)]
    assert not outcome.refusals


async def test_a_tag_comes_back_with_every_hook_and_replaces_the_one_before() -> None:
    tags = [{"verb": "tag", "data": {"a": 1}}, {"verb": "tag", "data": {"camelKey": [1, "x"]}}]
    async with raw_app({"/": [*tags, {"verb": "redirect", "actionHook": "/next"}]}) as app:
        await called(app.url)

    assert app.told("/next")[0]["customerData"] == {"camelKey": [1, "x"]}
    assert "customerData" not in app.told("/")[0]


async def test_what_follows_a_redirect_is_never_reached() -> None:
    answers = {"/": [ANSWER, {"verb": "redirect", "actionHook": "/n"}, LONG], "/n": [HANGUP]}

    assert (await played(answers)).info.duration == 0


async def test_verbs_that_are_not_simulated_are_passed_over_with_a_line() -> None:
    outcome = await played([{"verb": "alert", "message": "x"}, ANSWER, HANGUP])

    assert "passes over alert, which is not simulated" in dialogue(outcome)


async def test_a_leave_outside_of_a_queue_and_a_config_and_a_dub_are_executed() -> None:
    verbs: list[Any] = [
        ANSWER,
        {"verb": "leave"},
        {"verb": "config", "notifyEvents": True},
        {"verb": "dub", "action": "addTrack", "track": "music"},
        {"verb": "pause", "length": 1, "id": "p1"},
        HANGUP,
    ]
    async with raw_app({"/": verbs}, "ws") as app:
        outcome = await called(app.url)

    assert "is in no queue to leave" in dialogue(outcome)
    assert "takes settings: notifyEvents" in dialogue(outcome)
    events = [(event["event"], event["name"]) for event in app.kinds("verb:status")]
    assert ("starting", "pause") in events
    assert ("finished", "pause") in events
    assert {"event": "starting", "id": "p1", "name": "pause"} in app.kinds("verb:status")


async def test_a_transcribe_of_its_own_goes_on_until_it_is_replaced() -> None:
    text = {"verb": "transcribe", "transcriptionHook": "/text"}
    async with raw_app({"/": [text, HANGUP]}) as app:
        outcome = await called(app.url, "3 say hello for 1", "9 hang up")

    assert len(app.told("/text")) == 1
    assert outcome.info.duration == 9


@pytest.mark.parametrize(
    ("listen", "lines", "seconds", "digits"),
    [
        ({"maxLength": 7}, (), 7, None),
        ({"finishOnKey": "#", "passDtmf": True}, ("4 press 1", "6 press #"), 6, "#"),
        ({"playBeep": True}, ("8.5 hang up",), 8, None),
    ],
)
async def test_a_listen_streams_until_it_ends_and_tells_how_long(
    tmp_path: Path, listen: dict[str, Any], lines: tuple[str, ...], seconds: int, digits: str | None
) -> None:
    async with serving(settings(tmp_path)) as running, raw_app({}) as app:
        verb = {"verb": "listen", "url": running.url(), "actionHook": "/heard", **listen}
        app.answers["/"] = [{"verb": "tag", "data": {"k": 1}}, verb, HANGUP]
        outcome = await called(app.url, *lines)
        recording = await running.recording()

    (told,) = app.told("/heard")
    assert (told["dial_call_duration"], told.get("digits")) == (seconds, digits)
    assert recording.audio.shape == (1, seconds * 8000)
    assert recording.call.call_sid == outcome.info.call_sid
    assert recording.call.attributes["customerData"] == {"k": 1}
    assert recording.call.attributes["callStatus"] == "in-progress"
    assert len(recording.events) == (2 if listen.get("passDtmf") else 0)


async def test_a_stream_that_nobody_takes_ends_its_verb_and_the_call_goes_on() -> None:
    verbs = [{"verb": "listen", "url": "ws://127.0.0.1:9/", "actionHook": "/heard"}, HANGUP]
    async with raw_app({"/": verbs}) as app:
        outcome = await called(app.url)

    assert "dial_call_duration" not in app.told("/heard")[0]
    assert any(line.startswith("cannot stream") for line in dialogue(outcome))
    assert dialogue(outcome)[-2] == "hangs up"


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_relative_address_is_that_of_the_application(scheme: str) -> None:
    listen = {"verb": "listen", "url": "/audio", "maxLength": 2}
    async with raw_app({"/": [listen, HANGUP]}, scheme) as app:
        outcome = await called(app.url)

    assert app.audio == 2 * 16_000
    assert "has streamed 2.0 s of audio" in dialogue(outcome)


async def test_a_server_that_closes_a_stream_ends_the_verb() -> None:
    listen = {"verb": "listen", "url": "/audio"}
    async with raw_app({"/": [listen, HANGUP]}) as app:
        app.audio_limit = 16_000
        outcome = await called(app.url, "300 hang up")

    assert at(outcome, "the server closed it") < 100


async def test_a_background_stream_goes_on_beside_the_verbs(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as running, raw_app({}) as app:
        config = {"verb": "config", "listen": {"enable": True, "url": running.url()}}
        stop = {"verb": "config", "listen": {"enable": False}}
        pauses = [{"verb": "pause", "length": 5}, {"verb": "pause", "length": 4}]
        app.answers["/"] = [config, *pauses, stop, pauses[0], HANGUP]
        outcome = await called(app.url)
        recording = await running.recording()

    assert recording.audio.shape[1] == 9 * 8000
    assert outcome.info.duration == 14

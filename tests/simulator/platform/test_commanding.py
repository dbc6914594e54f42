"""Each of the ten commands, changing a simulated call."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from harness import serving, settings
from simulator.platform.raw_app import (
    HANGUP,
    LONG,
    RawApp,
    at,
    called,
    command,
    dialogue,
    raw_app,
)

from listen_server.jambonz import Dub, Say, commands
from listen_server.jambonz.command_data import COMMANDS
from listen_server.simulator.platform import Outcome

ANSWER = {"verb": "answer"}
SAY = {"verb": "say", "text": "hello"}
NUMBER = "+15550100003"
DIAL: dict[str, Any] = {
    "verb": "dial",
    "target": [{"type": "phone", "number": NUMBER}],
    "dtmfCapture": ["*1", "*2"],
    "dtmfHook": "/keys",
}
MEETING: dict[str, Any] = {
    "verb": "conference",
    "name": "m",
    "statusHook": "/keys",
    "statusEvents": ["join"],
}
PARTY = f"party {NUMBER} answers after 1 for 30"


async def commanded(
    verbs: list[Any], *commands: Any, on: str = "/", lines: tuple[str, ...] = ("90 hang up",)
) -> tuple[Outcome, RawApp]:
    """Call an application that writes commands before its ack of a hook."""
    async with raw_app({"/": verbs}, "ws") as app:
        app.writes[on] = list(commands)
        return await called(app.url, *lines), app


async def test_redirect_replaces_what_is_executed() -> None:
    async with raw_app({"/": [DIAL, SAY]}, "ws") as app:
        app.writes["/keys"] = [command("redirect", [{"verb": "say", "text": "new"}, HANGUP])]
        outcome = await called(app.url, PARTY, "5 press *1")

    assert at(outcome, "says 'new'") < 6
    assert "says 'hello'" not in dialogue(outcome)
    assert f"tells the status: the call to {NUMBER} is completed" in dialogue(outcome)


async def test_redirect_may_be_in_the_short_form_and_may_queue() -> None:
    queued = command("redirect", [{"say": {"text": "later"}}, {"hangup": {}}], queueCommand=True)
    outcome, _ = await commanded([DIAL, SAY], queued, on="/keys", lines=(PARTY, "5 press *1"))

    spoken = dialogue(outcome, who="JAMBONZ")
    assert spoken.index("says 'hello'") < spoken.index("says 'later'")
    assert at(outcome, "says 'later'") > 30


async def test_redirect_wakes_a_call_that_waits_for_commands() -> None:
    outcome, _ = await commanded(
        [DIAL],
        command("redirect", [SAY, HANGUP], queueCommand=True),
        on="/keys",
        lines=(PARTY, "5 press *1"),
    )

    assert dialogue(outcome)[-2:] == ["hangs up", "tells the status: completed"]


async def test_call_status_ends_the_call() -> None:
    outcome, app = await commanded(
        [DIAL],
        command("call:status", {"call_status": "completed"}),
        on="/keys",
        lines=(PARTY, "5 press *1"),
    )

    assert outcome.info.ended_by == "jambonz"
    (last,) = [
        told
        for told in app.kinds("call:status")
        if told["call_status"] == "completed" and "parent_call_sid" not in told
    ]
    assert last["call_termination_by"] == "jambonz"
    assert outcome.info.duration == 5


async def test_call_status_refuses_a_call_that_is_not_answered() -> None:
    outcome, _ = await commanded(
        [{"verb": "redirect", "actionHook": "/next"}],
        command("call:status", {"call_status": "no-answer"}),
        on="/next",
    )

    assert "refuses the call with 503" in dialogue(outcome)


async def test_mute_status_makes_the_stream_silent_and_lets_it_flow(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as running, raw_app({}, "ws") as app:
        app.answers["/"] = [{**DIAL, "listen": {"url": running.url()}}, HANGUP]
        app.writes["/keys"] = [command("mute:status", {"mute_status": "mute"})]
        outcome = await called(app.url, f"party {NUMBER} answers after 1 for 20", "11 press *1")
        recording = await running.recording()

    assert "mutes the caller" in dialogue(outcome)
    assert recording.audio.shape[1] == 20 * 8000
    assert np.abs(recording.audio[0, : 9 * 8000]).max() > 1000
    assert not recording.audio[0, 12 * 8000 :].any()


async def test_conf_mute_status_mutes_the_others() -> None:
    outcome, _ = await commanded(
        [MEETING], command("conf:mute-status", {"conf_mute_status": "mute"}), on="/keys"
    )

    assert "mutes all who are no moderators" in dialogue(outcome)


async def test_conf_hold_status_plays_to_the_caller_until_they_are_taken_off_hold() -> None:
    hold = {"conf_hold_status": "hold", "wait_hook": "/held"}
    music = "silence_stream://4000"
    rounds = []

    def held(_: Any) -> Any:
        rounds.append(1)
        return [{"verb": "play", "url": music}] if len(rounds) < 4 else []

    async with raw_app({"/": [MEETING], "/held": held}, "ws") as app:
        app.writes["/keys"] = [command("conf:hold-status", hold)]
        outcome = await called(app.url, "60 hang up")

    assert "holds the caller" in dialogue(outcome)
    assert dialogue(outcome).count(f"plays {music}") == 3
    assert not outcome.refusals


async def test_listen_status_pauses_the_stream_and_resumes_it(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}
    async with serving(settings(tmp_path)) as running, raw_app(answers, "ws") as app:
        answers["/"] = [{**DIAL, "listen": {"url": running.url()}}, HANGUP]
        pauses = iter(["pause", "resume"])

        def pressed(_: Any) -> Any:
            app.writes["/keys"] = [command("listen:status", {"listen_status": next(pauses)})]
            return []

        answers["/keys"] = pressed
        lines = (f"party {NUMBER} answers after 1 for 20", "5 press *1", "11 press *2")
        outcome = await called(app.url, *lines)
        recording = await running.recording()

    assert [line for line in dialogue(outcome) if line.endswith("s the stream")] == [
        "pauses the stream",
        "resumes the stream",
    ]
    seconds = recording.audio.shape[1] / 8000
    assert 13 < seconds < 15


async def test_record_goes_through_its_states() -> None:
    actions = ["start", "pause", "resume", "stop"]
    more = {"recordingID": "r1", "siprecServerURL": "sip:rec@example.com"}
    commands = [
        command("record", {"action": f"{action}CallRecording", **more}) for action in actions
    ]
    lines = (PARTY, "5 press *1")
    outcome, _ = await commanded([DIAL, HANGUP], *commands, on="/keys", lines=lines)

    states = [line for line in dialogue(outcome) if line.startswith("recording is")]
    assert states == [f"recording is {state}" for state in ("on", "paused", "on", "off")]
    assert not outcome.refusals


async def test_whisper_is_heard_by_the_caller_while_the_call_goes_on() -> None:
    whisper = {"whisper": [{"verb": "say", "text": "one minute left"}]}
    outcome, _ = await commanded(
        [DIAL, HANGUP], command("whisper", whisper), on="/keys", lines=(PARTY, "5 press *1")
    )

    assert dialogue(outcome, who="WHISPER") == ["says 'one minute left'"]
    assert at(outcome, f"the call to {NUMBER} is completed") == 31


async def test_sip_request_is_sent_in_the_shape_that_the_platform_reads() -> None:
    request = {"method": "INFO", "content_type": "text/plain", "content": "hello"}
    outcome, _ = await commanded(
        [DIAL, HANGUP],
        command("sip:request", {"sip_request": request}),
        on="/keys",
        lines=(PARTY, "5 press *1"),
    )

    assert "sends SIP INFO (text/plain)" in dialogue(outcome)


async def test_dub_adds_and_removes_a_track() -> None:
    add = {"action": "addTrack", "track": "music"}
    outcome, _ = await commanded(
        [ANSWER, LONG], command("dub", add), command("dub", {**add, "action": "removeTrack"})
    )

    assert "addTrack music; tracks under the call: music" in dialogue(outcome)
    assert "removeTrack music; tracks under the call: none" in dialogue(outcome)


def test_each_of_the_ten_commands_has_a_test_here() -> None:
    tests = [name for name in globals() if name.startswith("test_")]

    for name in COMMANDS.keys() - {"stream:status"}:  # a newer name of listen:status
        of_it = f"test_{re.sub('[:-]', '_', name)}_"
        assert any(test.startswith(of_it) for test in tests), name


async def test_commands_of_our_own_package_are_all_taken() -> None:
    in_conference = [
        commands.conf_mute_status("mute"),
        commands.conf_hold_status("hold"),
        commands.mute_status("mute"),
        commands.record("startCallRecording", recordingID="r", siprecServerURL="sip:a@b"),
        commands.sip_request("INFO"),
        commands.redirect([Say(text="bye")]),
        commands.call_status("completed"),
    ]
    in_listen = [
        commands.listen_status("pause"),
        commands.whisper([Say(text="psst")]),
        commands.dub(Dub(action="addTrack", track="music")),
        commands.call_status("completed"),
    ]
    listen = {"verb": "listen", "url": "/audio", "transcribe": {"transcriptionHook": "/keys"}}
    for verb, line, made in (
        (MEETING, "60 hang up", in_conference),
        (listen, "5 say hello for 1", in_listen),
    ):
        async with raw_app({"/": [verb]}, "ws") as app:
            app.writes["/keys"] = [json.loads(one.encode()) for one in made]
            outcome = await called(app.url, line)

        assert not outcome.refusals
        assert outcome.info.ended_by == "jambonz"

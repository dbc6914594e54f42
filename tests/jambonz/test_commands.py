"""Commands: the ten of the reference with their data, as jambonz reads them, in its 24 KiB."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.jambonz import commands
from listen_server.jambonz.command_data import COMMANDS
from listen_server.jambonz.commands import MAX_MESSAGE, PASSED_ON, read_command
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import Addresses
from listen_server.jambonz.verbs import Dub, Play, Redirect, Say

SAY = {"verb": "say", "text": "hello"}
INFO = {"method": "INFO", "content_type": "text/plain", "content": "a", "headers": {"X-A": "1"}}
START: dict[str, Any] = {
    "action": "startCallRecording",
    "recordingID": "r1",
    "siprecServerURL": "sip:rec@example.com",
    "headers": {"X-A": "1"},
}
# as a function makes it, as the reference has its data, and as jambonz reads it
EACH: list[tuple[commands.Command, str, Any, Any]] = [
    (commands.redirect([Say(text="hello")]), "redirect", [{"say": {"text": "hello"}}], [SAY]),
    (
        commands.call_status("completed"),
        "call:status",
        {"call_status": "completed"},
        {"call_status": "completed"},
    ),
    (commands.mute_status("mute"), "mute:status", {"mute_status": "mute"}, {"mute_status": "mute"}),
    (
        commands.conf_mute_status("unmute"),
        "conf:mute-status",
        {"conf_mute_status": "unmute"},
        {"conf_mute_status": "unmute"},
    ),
    (
        commands.conf_hold_status("hold"),
        "conf:hold-status",
        {"conf_hold_status": "hold"},
        {"conf_hold_status": "hold"},
    ),
    (
        commands.listen_status("pause"),
        "listen:status",
        {"listen_status": "pause"},
        {"listen_status": "pause"},
    ),
    (commands.record(**START), "record", START, START),
    (
        commands.whisper([Say(text="hello"), Play(url="a")]),
        "whisper",
        {"whisper": [{"say": {"text": "hello"}}, {"verb": "play", "url": "a"}]},
        {"whisper": [SAY, {"verb": "play", "url": "a"}]},
    ),
    (
        commands.sip_request("INFO", content_type="text/plain", content="a", headers={"X-A": "1"}),
        "sip:request",
        INFO,
        {"sip_request": INFO},
    ),
    (
        commands.dub(Dub(action="addTrack", track="t", gain=-10)),
        "dub",
        {"action": "addTrack", "track": "t", "gain": -10},
        {"action": "addTrack", "track": "t", "gain": -10},
    ),
]


def refused(name: str, data: Any) -> str:
    with pytest.raises(Refused) as caught:
        read_command({"type": "command", "command": name, "data": data})
    return str(caught.value)


def test_all_ten_are_told_here() -> None:
    assert {name for _, name, *_ in EACH} == set(COMMANDS) - {"stream:status"}
    assert len(EACH) == 10


@pytest.mark.parametrize(
    ("made", "name", "data", "written"), EACH, ids=[name for _, name, *_ in EACH]
)
def test_a_command_is_made_and_read_and_written_as_jambonz_reads_it(
    made: commands.Command, name: str, data: Any, written: Any
) -> None:
    expected = {"type": "command", "command": name, "data": written}

    read = read_command({"type": "command", "command": name, "data": data})

    assert made.write() == read.write() == expected
    assert read_command(expected).write() == expected
    assert json.loads(made.encode()) == expected


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("redirect", {"verb": "hangup"}, "a list of verbs"),
        ("redirect", [{"verb": "pause"}], "`length` of verb 1 (pause)"),
        ("call:status", {"call_status": "ringing"}, "'completed' or 'no-answer'"),
        ("call:status", {}, "`call_status`"),
        ("call:status", "completed", "must be an object"),
        ("mute:status", {"mute_status": "loud"}, "'mute' or 'unmute'"),
        ("mute:status", "loud", "'mute' or 'unmute'"),
        ("conf:mute-status", {"mute_status": "mute"}, "jambonz knows no such property"),
        ("conf:hold-status", {"conf_hold_status": "pause"}, "'hold' or 'unhold'"),
        ("listen:status", {"listen_status": "silence"}, "'pause' or 'resume'"),
        ("record", {"action": "startCallRecording", "recordingID": "r"}, "`siprecServerURL` is"),
        ("record", {"action": "startCallRecording", "siprecServerURL": "a"}, "`recordingID` is"),
        ("record", {"action": "start"}, "'startCallRecording'"),
        ("whisper", {"whisper": []}, "must not be empty"),
        ("whisper", {"whisper": [{"verb": "hangup"}]}, "whisper takes say, play only"),
        ("whisper", [SAY], "has a `whisper`"),
        ("sip:request", {"method": "BYE"}, "'INFO', 'NOTIFY' or 'MESSAGE'"),
        ("sip:request", {"content": "a"}, "`method`"),
        ("dub", {"action": "addTrack"}, "`track`"),
        ("call:statsu", {}, "did you mean `call:status`?"),
    ],
)
def test_wrong_data_is_refused_with_a_sentence(name: str, data: Any, told: str) -> None:
    assert told in refused(name, data)


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"command": "redirect"},
        {"type": "ack", "command": "redirect", "data": [SAY]},
        {"command": ["redirect"], "data": [SAY]},
        {"command": "redirect", "data": [SAY], "queueCommand": "yes"},
        {"command": "redirect", "data": [SAY], "callSid": 5},
    ],
)
def test_what_is_no_command_is_refused(given: Any) -> None:
    with pytest.raises(Refused):
        read_command(given)


def test_a_command_can_wait_and_be_for_another_leg() -> None:
    message = {"type": "command", "command": "redirect", "queueCommand": True, "callSid": "leg"}

    assert commands.redirect([SAY], queue=True, call_sid="leg").write() == {
        **message,
        "data": [SAY],
    }
    assert read_command({**message, "data": [SAY]}).write() == {**message, "data": [SAY]}


def test_a_sip_request_is_read_as_jambonz_takes_it_too() -> None:
    data = {"sip_request": INFO}

    assert read_command({"command": "sip:request", "data": data}).write()["data"] == data


def test_a_whisper_of_no_list_is_refused_with_one_sentence() -> None:
    with pytest.raises(Refused, match=r"^an application is a list of verbs$"):
        commands.whisper(Say(text="hello"))  # type: ignore[arg-type]  # what is tested


def test_a_single_whisper_becomes_a_list() -> None:
    read = read_command({"command": "whisper", "data": {"whisper": SAY}})

    assert read.write()["data"] == {"whisper": [SAY]}


def test_the_newer_name_of_listen_is_read() -> None:
    read = read_command({"command": "stream:status", "data": {"stream_status": "resume"}})

    assert read.write() == commands.listen_status("resume").write()


def test_a_recording_into_the_cloud_needs_no_server() -> None:
    assert commands.record("startCallRecording", type="cloud").data["type"] == "cloud"
    assert commands.record("stopCallRecording").data == {"action": "stopCallRecording"}


@pytest.mark.parametrize("name", PASSED_ON)
def test_what_jambonz_knows_beside_the_reference_is_passed_on(name: str) -> None:
    given = {"type": "command", "command": name, "data": {"a": 1}}

    assert read_command(given).write() == given


def test_a_tool_output_keeps_its_id() -> None:
    given = {"type": "command", "command": "llm:tool-output", "tool_call_id": "t1"}

    assert read_command(given).write() == given


def test_nothing_over_24_kib_is_sent() -> None:
    overhead = len(commands.redirect([Say(text="")]).encode())

    assert len(commands.redirect([Say(text="a" * (MAX_MESSAGE - overhead))]).encode()) == 24 * 1024
    with pytest.raises(Refused, match="24577 bytes, but jambonz takes 24576"):
        commands.redirect([Say(text="a" * (MAX_MESSAGE - overhead + 1))]).encode()


def test_paths_are_made_whole() -> None:
    (verb,) = commands.redirect([Redirect(action_hook="/x")]).write(Addresses(web="https://a"))[
        "data"
    ]

    assert verb["actionHook"] == "https://a/x"


def test_a_repr_shows_no_data() -> None:
    assert "hello" not in repr(commands.whisper([Say(text="hello")]))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside),
    max_leaves=6,
)


@given(name=st.sampled_from([*COMMANDS, *PASSED_ON, "x"]), data=values, queue=values)
def test_anything_at_all_is_taken_or_refused_and_never_anything_else(
    name: str, data: Any, queue: Any
) -> None:
    with suppress(Refused):
        read_command({"command": name, "data": data, "queueCommand": queue}).encode()

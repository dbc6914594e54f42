"""The script: each kind of line, what is no line, and in which order people act."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.platform.raw_app import LONG, called, dialogue, played, raw_app

import listen_server.simulator.platform.script as module
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform import read_script
from listen_server.simulator.platform.script import (
    Cue,
    Greeting,
    HangUp,
    Party,
    Press,
    Queue,
    Refer,
    Room,
    Send,
    Speak,
    SpeakFile,
    Transfer,
)


def test_each_kind_of_line_is_read() -> None:
    script = read_script(
        [
            "; a note",
            "",
            "2.5 press 1",
            "+3 say I want sales for 2",
            "asked press 12#",
            "asked+1 hang up",
            "recording speak a.wav",
            'recording+1 speak "a b.wav" as good bye',
            'hears "press 1" press 1',
            'hears "press 2"+2 transfer to +1556',
            "+1 send INFO how are you",
            "party +1555 answers after 3 for 20",
            "party ann@example.com is busy after 1",
            "party * never answers",
            "party +1555 greets with hello there and beeps",
            "party +1555 transfers to +1556 after 5",
            "queue help is answered after 30 for 15",
            "queue help has a caller after 5",
            "conference m has 2 members",
            "conference m ends after 9",
            "conference n starts after 10 for 60",
        ]
    )

    assert script.cues == [
        Cue("at", 2.5, Press("1")),
        Cue("after", 3, Speak("I want sales", 2)),
        Cue("asked", 0, Press("12#")),
        Cue("asked", 1, HangUp()),
        Cue("recording", 0, SpeakFile(Path("a.wav"))),
        Cue("recording", 1, SpeakFile(Path("a b.wav"), "good bye")),
        Cue("hears", 0, Press("1"), "press 1"),
        Cue("hears", 2, Refer("+1556"), "press 2"),
        Cue("after", 1, Send("INFO", "how are you")),
    ]
    assert script.party("+1555") == Party("answers", 3, 20)
    assert script.party("ann@example.com") == Party("busy", 1)
    assert script.party("anybody").outcome == "no answer"
    assert script.greetings == {"+1555": Greeting("hello there", beeps=True)}
    assert script.transfers == {"+1555": Transfer("+1556", 5)}
    assert script.answered == {"help": Queue(30, 15)}
    assert script.waiting == {"help": Queue(5, 15)}
    assert script.rooms == {"m": Room(2, None, 9), "n": Room(0, 10, 60)}


def test_the_examples_of_the_module_are_lines() -> None:
    assert module.__doc__
    examples = re.findall(r"^    (\S.+?)(?: {4,}.*)?$", module.__doc__, re.MULTILINE)

    assert len(examples) >= 12
    read_script(examples)


def test_a_line_that_is_nearly_right_is_answered_with_one_that_is() -> None:
    with pytest.raises(CallError, match=r"'hears Ann press 1'; write it") as told:
        read_script(["hears Ann press 1"])

    assert 'hears "for Ann" press 1' in str(told.value)
    for line in module._EXAMPLES.values():
        read_script([line])


def test_all_lines_that_are_none_are_named_at_once() -> None:
    with pytest.raises(CallError) as failed:
        read_script(["2 press x", "3 press 1", "party a explodes", "asked"])

    assert str(failed.value).count("is not understood") == 3
    assert "line 3 of the script" in str(failed.value)


@given(
    st.lists(st.text(max_size=40) | st.from_regex(r"(party|queue|\+?\d) .{0,20}", fullmatch=True))
)
def test_any_text_is_a_script_or_refused(lines: list[str]) -> None:
    try:
        read_script(lines)
    except CallError as refused:
        assert refused.hint  # noqa: PT017 - both ends are right


async def test_cues_come_at_their_time_and_in_their_order() -> None:
    outcome = await played([{"verb": "answer"}, LONG], "3 press 1", "+2 press 23", "9 hang up")

    pressed = [(line.at, line.what) for line in outcome.screenplay.lines if line.who == "CALLER"]
    assert [(round(at, 6), what) for at, what in pressed] == [
        (0, "calls"),
        (3, "presses 1"),
        (5, "presses 2"),
        (5.3, "presses 3"),
        (9, "hangs up"),
    ]


async def test_asked_waits_for_each_gather_in_turn() -> None:
    gather = {"verb": "gather", "actionHook": "/a", "numDigits": 1, "say": {"text": "a" * 60}}
    async with raw_app({"/": [gather, gather, {"verb": "hangup"}]}) as app:
        outcome = await called(app.url, "asked press 1", "asked press 2")

    assert [told["digits"] for told in app.told("/a")] == ["1", "2"]
    assert dialogue(outcome, who="CALLER") == ["calls", "presses 1", "presses 2"]

"""dial: who answers, who does not, what is told, and what hangs on a connected call."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, RawApp, at, called, dialogue, raw_app, wav

from listen_server.simulator.platform import Outcome, Played

FIRST, SECOND = "+15550100003", "sip:ann@example.com"
TARGETS = [{"type": "phone", "number": FIRST}, {"type": "sip", "sipUri": SECOND}]


async def dialled(
    *lines: str, answers: dict[str, Any] | None = None, **dial: Any
) -> tuple[dict[str, Any], Outcome, RawApp]:
    verb = {"verb": "dial", "target": TARGETS[:1], "actionHook": "/dialled", **dial}
    async with raw_app({"/": [verb, HANGUP], **(answers or {})}) as app:
        outcome = await called(app.url, *lines)
    (told,) = app.told("/dialled")
    return told, outcome, app


@pytest.mark.parametrize(
    ("line", "status", "sip_status", "at_second"),
    [
        (f"party {FIRST} answers after 4 for 20", "completed", 200, 24),
        (f"party {FIRST} is busy after 3", "busy", 486, 3),
        (f"party {FIRST} never answers", "no-answer", 487, 30),
        ("party * never answers", "no-answer", 487, 30),
    ],
)
async def test_the_hook_is_told_how_it_went(
    line: str, status: str, sip_status: int, at_second: int
) -> None:
    told, outcome, _ = await dialled(line, timeout=30)

    assert (told["dial_call_status"], told["dial_sip_status"]) == (status, sip_status)
    assert at(outcome, "asks /dialled") == at_second


async def test_the_first_to_answer_is_connected_and_the_others_ring_no_more() -> None:
    lines = (f"party {FIRST} answers after 9", f"party {SECOND} answers after 5 for 10")
    _, outcome, _ = await dialled(*lines, target=TARGETS)

    assert f"connects the caller with {SECOND}" in dialogue(outcome)
    assert at(outcome, "asks /dialled") == 15


async def test_the_status_of_the_called_leg_is_told_with_its_parent() -> None:
    told, outcome, app = await dialled()

    legs = [one for one in app.told("/call-status") if "parent_call_sid" in one]
    assert [leg["call_status"] for leg in legs] == ["trying", "in-progress", "completed"]
    assert {leg["parent_call_sid"] for leg in legs} == {outcome.info.call_sid}
    assert {leg["call_sid"] for leg in legs} == {told["dial_call_sid"]}
    assert legs[0]["direction"] == "outbound"


async def test_the_tag_of_a_dial_is_with_the_called_leg_alone() -> None:
    told, _, app = await dialled(tag={"ticket": 7})

    legs = [one for one in app.told("/call-status") if "parent_call_sid" in one]
    assert [leg["customerData"] for leg in legs] == [{"ticket": 7}] * 3
    assert "customerData" not in told


async def test_answer_on_bridge_answers_the_caller_when_somebody_has_answered() -> None:
    _, early, _ = await dialled(f"party {FIRST} answers after 4")
    _, late, _ = await dialled(f"party {FIRST} answers after 4", answerOnBridge=True)
    _, never, _ = await dialled(f"party {FIRST} is busy", answerOnBridge=True)

    assert (at(early, "answers the call"), at(late, "answers the call")) == (0, 4)
    assert "answers the call" not in dialogue(never)


async def test_a_confirm_hook_is_heard_before_the_two_are_connected() -> None:
    confirm = [{"verb": "say", "text": "a call for you"}]
    answers = {"/confirm": confirm}
    told, outcome, app = await dialled(answers=answers, confirmHook="/confirm")

    assert dialogue(outcome, who=f"to {FIRST}") == ["says 'a call for you'"]
    assert app.told("/confirm")[0]["call_sid"] == told["dial_call_sid"]
    assert at(outcome, "says 'a call for you'") < at(outcome, "connects the caller")


SCREEN = {
    "verb": "gather",
    "actionHook": "/screened",
    "numDigits": 1,
    "timeout": 5,
    "say": {"text": "a call for you, 1 to take it"},
}


@pytest.mark.parametrize(
    ("lines", "told", "connected"),
    [
        ([f"party {FIRST} presses 12"], {"digits": "1", "reason": "dtmfDetected"}, True),
        ([f"party {FIRST} presses 2"], {"digits": "2", "reason": "dtmfDetected"}, False),
        ([], {"reason": "timeout"}, False),
    ],
)
async def test_who_is_dialled_is_asked_by_a_gather_of_the_confirm_hook(
    lines: list[str], told: dict[str, str], *, connected: bool
) -> None:
    answers = {
        "/confirm": [{"verb": "tag", "data": {"a": 1}}, SCREEN, {"verb": "say", "text": "wait"}],
        "/screened": lambda asked: [] if asked.get("digits") == "1" else [HANGUP],
    }
    _, outcome, app = await dialled(
        *lines, answers=answers, confirmHook="/confirm", answerOnBridge=True
    )

    (asked,) = app.told("/screened")
    assert {key: asked[key] for key in told} == told
    assert asked["parent_call_sid"] == outcome.info.call_sid
    assert asked["customerData"] == {"a": 1}
    assert outcome.info.customer_data is None
    assert (f"connects the caller with {FIRST}" in dialogue(outcome)) == connected
    assert ("answers the call" in dialogue(outcome)) == connected


async def test_who_declines_leaves_the_others_ringing() -> None:
    lines = (
        f"party {FIRST} answers after 2",
        f"party {FIRST} presses 2",
        f"party {SECOND} answers after 9 for 10",
    )
    target = [{**TARGETS[0], "confirmHook": "/confirm"}, TARGETS[1]]
    answers = {"/confirm": [SCREEN], "/screened": [HANGUP]}
    told, outcome, _ = await dialled(*lines, answers=answers, target=target)

    assert at(outcome, f"connects the caller with {SECOND}") == 9
    assert told["dial_call_status"] == "completed"


async def test_a_confirm_hook_that_hangs_up_connects_nobody() -> None:
    target = [{**TARGETS[0], "confirmHook": "/confirm"}]
    _, outcome, _ = await dialled(answers={"/confirm": [HANGUP]}, target=target)

    assert f"connects the caller with {FIRST}" not in dialogue(outcome)


async def test_a_time_limit_ends_the_call() -> None:
    _, outcome, _ = await dialled(f"party {FIRST} answers after 1 for 100", timeLimit=10)

    assert at(outcome, "asks /dialled") == 11


async def test_captured_keys_are_told_once_each() -> None:
    _, _, app = await dialled("5 press 1*2*3", dtmfCapture=["*2", "*3"], dtmfHook="/keys")

    assert [told["dtmf"] for told in app.told("/keys")] == ["*2", "*3"]


async def test_a_nested_transcribe_tells_what_is_said_while_connected() -> None:
    lines = ("0.5 say too early for 1", "5 say hello there for 2")
    told, _, app = await dialled(*lines, transcribe={"transcriptionHook": "/text"})

    (text,) = app.told("/text")
    assert text["speech"]["alternatives"][0]["transcript"] == "hello there"
    assert text["call_sid"] == told["dial_call_sid"]


@pytest.mark.parametrize(("moment", "status"), [(1, "no-answer"), (10, "completed")])
async def test_a_caller_who_hangs_up_has_the_hook_told_all_the_same(
    moment: int, status: str
) -> None:
    told, outcome, _ = await dialled(f"{moment} hang up")

    assert told["dial_call_status"] == status
    assert told["call_status"] == "completed"
    assert outcome.info.duration == moment


async def test_music_is_heard_until_somebody_answers() -> None:
    data, _ = wav(30)
    verb = {"verb": "dial", "target": TARGETS[:1]}
    async with raw_app({}) as app:
        app.files["/ring.wav"] = data
        app.answers["/"] = [{**verb, "dialMusic": f"{app.url}/ring.wav"}, HANGUP]
        outcome = await called(app.url, f"party {FIRST} answers after 4 for 20")

    (heard,) = outcome.heard
    assert isinstance(heard, Played)
    assert (heard.at, heard.stopped_after) == (0, 4)

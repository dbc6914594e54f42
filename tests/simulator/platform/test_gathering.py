"""gather: keys, their end, timeouts, prompts that are interrupted, and speech."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, at, called, dialogue, raw_app

from listen_server.simulator.platform import Outcome

PROMPT = {"text": "a" * 150}  # 10 s


async def gathered(*lines: str, **gather: Any) -> tuple[dict[str, Any], Outcome]:
    verb = {"verb": "gather", "actionHook": "/chosen", **gather}
    async with raw_app({"/": [verb, HANGUP]}) as app:
        outcome = await called(app.url, *lines)
    (told,) = app.told("/chosen")
    return told, outcome


@pytest.mark.parametrize(
    ("gather", "keys", "digits"),
    [
        ({"numDigits": 4}, "12345", "1234"),
        ({"maxDigits": 2}, "12345", "12"),
        ({"finishOnKey": "#"}, "12#45", "12"),
        ({"numDigits": 1, "finishOnKey": "#"}, "#", ""),
        ({"interDigitTimeout": 3}, "12", "12"),
    ],
)
async def test_keys_end_a_gather_as_its_options_say(
    gather: dict[str, Any], keys: str, digits: str
) -> None:
    told, _ = await gathered(f"asked press {keys}", **gather)

    assert (told["digits"], told["reason"]) == (digits, "dtmfDetected")


async def test_nothing_pressed_is_a_timeout_counted_from_the_end_of_the_prompt() -> None:
    told, outcome = await gathered(timeout=8, say=PROMPT)

    assert told["reason"] == "timeout"
    assert "digits" not in told
    assert at(outcome, "asks /chosen") == 18


async def test_without_a_timeout_it_is_the_platforms_own() -> None:
    _, outcome = await gathered()

    assert at(outcome, "asks /chosen") == 15


@pytest.mark.parametrize(
    "prompt", [{"say": PROMPT}, {"play": {"url": ["silence_stream://5000"] * 2}}]
)
async def test_a_key_stops_the_prompt_unless_it_may_not(prompt: dict[str, Any]) -> None:
    _, stopped = await gathered("2 press 1", numDigits=2, timeout=5, **prompt)
    _, kept = await gathered("2 press 1", numDigits=2, timeout=5, dtmfBargein=False, **prompt)

    assert at(stopped, "asks /chosen") == 7
    assert at(kept, "asks /chosen") == 15


async def test_keys_during_the_prompt_do_not_count_without_listening() -> None:
    told, _ = await gathered("2 press 1", numDigits=1, say=PROMPT, listenDuringPrompt=False)

    assert told["reason"] == "timeout"


async def test_speech_of_the_script_is_told_when_it_has_ended() -> None:
    told, outcome = await gathered("asked+1 say sales please for 6", input=["speech"], timeout=3)

    assert told["reason"] == "speechDetected"
    assert told["speech"]["alternatives"][0]["transcript"] == "sales please"
    assert told["speech"]["is_final"] is True
    assert at(outcome, "asks /chosen") == 7


async def test_speech_is_nothing_to_a_gather_of_digits() -> None:
    told, _ = await gathered("1 say sales for 1", timeout=5)

    assert told["reason"] == "timeout"


async def test_a_caller_who_hangs_up_leaves_no_result() -> None:
    verb = {"verb": "gather", "actionHook": "/chosen", "say": PROMPT}
    async with raw_app({"/": [verb, HANGUP]}) as app:
        outcome = await called(app.url, "5 hang up")

    assert app.told("/chosen") == []
    assert outcome.info.duration == 5


async def test_partial_results_are_told_on_the_way() -> None:
    verb = {"verb": "gather", "actionHook": "/a", "input": ["speech"], "partialResultHook": "/p"}
    async with raw_app({"/": [verb, HANGUP]}) as app:
        await called(app.url, "asked say sales please for 2")

    (partial,) = app.told("/p")
    assert partial["speech"]["is_final"] is False
    assert partial["speech"]["alternatives"][0]["transcript"] == "sales"


async def test_the_answer_of_the_hook_replaces_what_was_next() -> None:
    verb = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1}
    answers = {"/": [verb, HANGUP], "/chosen": [{"verb": "say", "text": "thanks"}, HANGUP]}
    async with raw_app(answers) as app:
        outcome = await called(app.url, "asked press 1")

    assert dialogue(outcome).count("hangs up") == 1
    assert "says 'thanks'" in dialogue(outcome)

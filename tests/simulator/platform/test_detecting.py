"""amd: what is told of who has answered, in the order and at the time of the platform."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, LONG, at, called, dialogue, raw_app

from listen_server.simulator.platform import Outcome

NUMBER = "+15550100003"
PARTY = f"party {NUMBER} answers after 1 for 60"
LONG_GREETING = "you have reached the office please leave a message after the tone"


async def detected(
    *lines: str, answers: dict[str, Any] | None = None, **amd: Any
) -> tuple[list[dict[str, Any]], Outcome]:
    verb = {
        "verb": "dial",
        "target": [{"type": "phone", "number": NUMBER}],
        "amd": {"actionHook": "/amd", **amd},
    }
    async with raw_app({"/": [verb, HANGUP], **(answers or {})}) as app:
        outcome = await called(app.url, PARTY, *lines)
    return app.told("/amd"), outcome


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ("; nobody says anything", ["amd_no_speech_detected", "amd_stopped"]),
        (f"party {NUMBER} greets with hello", ["amd_human_detected", "amd_stopped"]),
        (
            f"party {NUMBER} greets with {LONG_GREETING}",
            ["amd_machine_detected", "amd_machine_stopped_speaking", "amd_stopped"],
        ),
        (
            f"party {NUMBER} greets with {LONG_GREETING} and beeps",
            [
                "amd_machine_detected",
                "amd_tone_detected",
                "amd_machine_stopped_speaking",
                "amd_stopped",
            ],
        ),
    ],
)
async def test_what_is_told_depends_on_the_greeting(line: str, events: list[str]) -> None:
    told, _ = await detected(line)

    assert [one["type"] for one in told] == events


async def test_a_decision_has_its_reason_and_its_words() -> None:
    human, _ = await detected(f"party {NUMBER} greets with hello this is ann")
    machine, outcome = await detected(f"party {NUMBER} greets with {LONG_GREETING}")
    digits, _ = await detected(f"party {NUMBER} greets with call 5550100 now", digitCount=7)

    assert (human[0]["reason"], human[0]["greeting"]) == ("short greeting", "hello this is ann")
    assert (machine[0]["reason"], machine[0]["language"]) == ("long greeting", "en-US")
    assert machine[0]["greeting"].split() == LONG_GREETING.split()[:9]
    assert digits[0]["reason"] == "digit count"
    assert at(outcome, "amd_machine_stopped_speaking") == pytest.approx(1 + 4.3 + 2, abs=0.1)


async def test_times_and_thresholds_are_those_of_the_verb() -> None:
    silent, outcome = await detected(timers={"noSpeechTimeoutMs": 3000})
    late, _ = await detected(
        f"party {NUMBER} greets with {LONG_GREETING}",
        thresholdWordCount=50,
        timers={"decisionTimeoutMs": 2000},
    )

    assert at(outcome, "amd_no_speech_detected") == 4
    assert [one["type"] for one in silent] == ["amd_no_speech_detected", "amd_stopped"]
    assert [one["type"] for one in late] == ["amd_decision_timeout", "amd_stopped"]


async def test_the_hook_may_answer_with_other_verbs() -> None:
    def amd(told: dict[str, Any]) -> Any:
        human = told["type"] == "amd_human_detected"
        return [{"verb": "say", "text": "a human"}, LONG] if human else []

    _, outcome = await detected(
        f"party {NUMBER} greets with hello", "30 hang up", answers={"/amd": amd}
    )

    assert at(outcome, "says 'a human'") == 1.5
    assert f"tells the status: the call to {NUMBER} is completed" in dialogue(outcome)

"""SIP of other ends within a call: REFER, from either end, and INFO and MESSAGE."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, LONG, at, called, dialogue, raw_app

ANSWER = {"verb": "answer"}
NUMBER, OTHER = "+15550100003", "+15550100009"
PARTY = f"party {NUMBER} answers after 1 for 30"
REFER = f"5 transfer to {OTHER}"
DIAL: dict[str, Any] = {
    "verb": "dial",
    "target": [{"type": "phone", "number": NUMBER}],
    "referHook": "/referred",
    "actionHook": "/dialled",
}
BYE = [{"verb": "say", "text": "bye"}, HANGUP]


async def test_a_refer_of_the_caller_makes_the_other_leg_a_call_of_its_own() -> None:
    ringing = [{"verb": "say", "text": "you are transferred"}, LONG]
    async with raw_app({"/": [DIAL, *BYE], "/referred": ringing}) as app:
        outcome = await called(app.url, PARTY, REFER)

    (told,) = app.told("/referred")
    details = told["refer_details"]
    assert details["refer_to_user"] == OTHER
    assert details["referring_call_sid"] == outcome.info.call_sid
    assert details["referred_call_sid"] == app.told("/dialled")[0]["dial_call_sid"]
    assert f"[{NUMBER}] says 'you are transferred'" in dialogue(outcome)
    assert at(outcome, "says 'bye'") == 5
    assert outcome.screenplay.lines[-1].at == 31


async def test_a_refer_of_who_was_dialled_brings_the_caller_other_verbs() -> None:
    transfers = f"party {NUMBER} transfers to {OTHER} after 4"
    async with raw_app({"/": [DIAL, LONG], "/referred": BYE}) as app:
        outcome = await called(app.url, PARTY, transfers)

    details = app.told("/referred")[0]["refer_details"]
    assert details["referring_call_sid"] == app.told("/referred")[0]["call_sid"]
    assert details["referred_call_sid"] == outcome.info.call_sid
    assert at(outcome, "says 'bye'") == 5
    assert f"tells the status: the call to {NUMBER} is completed" in dialogue(outcome)


async def test_a_refer_hook_of_config_is_asked_outside_of_dial() -> None:
    config = {"verb": "config", "referHook": "/referred"}
    async with raw_app({"/": [ANSWER, config, LONG], "/referred": BYE}) as app:
        outcome = await called(app.url, REFER)

    assert app.told("/referred")[0]["refer_details"]["referred_call_sid"] is None
    assert at(outcome, "says 'bye'") == 5


async def test_a_refer_without_a_hook_is_refused_to_who_sent_it() -> None:
    async with raw_app({"/": [ANSWER, LONG]}) as app:
        outcome = await called(app.url, REFER)

    assert "answers REFER with 501: there is no referHook" in dialogue(outcome)
    assert outcome.info.duration == 100


@pytest.mark.parametrize("method", ["INFO", "MESSAGE"])
async def test_requests_within_the_call_are_told_and_may_bring_other_verbs(method: str) -> None:
    config = {"verb": "config", "sipRequestWithinDialogHook": "/sip"}
    async with raw_app({"/": [config, ANSWER, LONG], "/sip": BYE}) as app:
        outcome = await called(app.url, f"5 send {method} how are you")

    (told,) = app.told("/sip")
    assert (told["sip_method"], told["sip_body"]) == (method, "how are you")
    assert at(outcome, "says 'bye'") == 5


async def test_a_hook_that_is_set_after_the_answer_hears_nothing_until_dial_or_conference() -> None:
    config = {"verb": "config", "sipRequestWithinDialogHook": "/sip"}
    meeting = {"verb": "conference", "name": "m"}
    async with raw_app({"/": [ANSWER, config, {"verb": "pause", "length": 10}, meeting]}) as app:
        outcome = await called(
            app.url, "5 send INFO early", "15 send INFO late", "conference m ends after 20"
        )

    assert [told["sip_body"] for told in app.told("/sip")] == ["late"]
    assert "has nobody to tell of SIP INFO" in dialogue(outcome)

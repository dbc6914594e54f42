"""config: what holds from then on, and what goes on beside the verbs."""

from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, LONG, at, called, dialogue, raw_app

from listen_server.simulator.platform import Said

ANSWER = {"verb": "answer"}
GATHER = {"verb": "gather", "actionHook": "/chosen", "input": ["speech"]}
SAY = {"verb": "say", "text": "a" * 150}
BYE = [{"verb": "say", "text": "bye"}, HANGUP]


def barge_in(*inputs: str, **more: Any) -> dict[str, Any]:
    return config(bargeIn={"enable": True, "input": list(inputs), "actionHook": "/b", **more})


def config(**settings: Any) -> dict[str, Any]:
    return {"verb": "config", **settings}


async def test_the_language_of_the_recogniser_holds_until_it_is_reset() -> None:
    own = {**GATHER, "recognizer": {"vendor": "google", "language": "fr-FR"}}
    german = config(recognizer={"vendor": "google", "language": "de-DE"})
    verbs = [german, GATHER, own, config(reset=["recognizer"]), GATHER, HANGUP]
    async with raw_app({"/": verbs}) as app:
        await called(app.url, *["asked say hello for 1"] * 3)

    languages = [told["speech"]["language_code"] for told in app.told("/chosen")]
    assert languages == ["de-DE", "fr-FR", "en-US"]


async def test_a_recording_that_is_asked_for_before_the_answer_begins_with_it() -> None:
    start = {"action": "startCallRecording", "siprecServerURL": "sip:rec@example.com"}
    pause = config(record={"action": "pauseCallRecording"})
    verbs = [config(record=start, earlyMedia=True), {"verb": "pause", "length": 3}, ANSWER, pause]
    async with raw_app({"/": [*verbs, pause, HANGUP]}) as app:
        outcome = await called(app.url)

    assert at(outcome, "recording is on") == at(outcome, "answers the call") == 3
    assert "recording is paused" in dialogue(outcome)
    assert [one.rule for one in outcome.refusals] == ["recording"]
    assert dialogue(outcome)[-2] == "hangs up"


async def test_a_background_transcription_tells_what_is_said_until_it_is_stopped() -> None:
    begin = config(transcribe={"enable": True, "transcriptionHook": "/text"})
    stop = config(transcribe={"enable": False})
    pause = {"verb": "pause", "length": 5}
    lines = ("1 say one for 1", "7 say two for 1")
    async with raw_app({"/": [begin, pause, stop, pause, HANGUP]}) as app:
        await called(app.url, *lines)

    spoken = [told["speech"]["alternatives"][0]["transcript"] for told in app.told("/text")]
    assert spoken == ["one"]


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_barging_in_brings_other_verbs_in_the_middle_of_a_text(scheme: str) -> None:
    barge = config(
        bargeIn={"enable": True, "input": ["digits"], "numDigits": 1, "actionHook": "/b"}
    )
    async with raw_app({"/": [barge, SAY, LONG], "/b": BYE}, scheme) as app:
        outcome = await called(app.url, "3 press 4")

    assert app.told("/b")[0]["digits"] == "4"
    assert at(outcome, "is cut off after 3.0 s") == at(outcome, "says 'bye'") == 3


async def test_over_a_websocket_barging_in_ends_what_is_executed_whatever_is_answered() -> None:
    barge = config(
        bargeIn={"enable": True, "input": ["speech"], "sticky": True, "actionHook": "/b"}
    )
    async with raw_app({"/": [barge, SAY, LONG]}, "ws") as app:
        outcome = await called(app.url, "3 say stop for 1", "+4 say again for 1", "20 hang up")

    assert [told["reason"] for told in app.told("/b")] == ["speechDetected"] * 2
    assert "is cut off after 4.0 s" in dialogue(outcome)


async def test_barging_in_may_be_switched_off() -> None:
    off = config(bargeIn={"enable": False})
    async with raw_app({"/": [barge_in("digits", numDigits=1), off, SAY, HANGUP]}) as app:
        await called(app.url, "3 press 4")

    assert not app.told("/b")


async def test_a_text_is_said_by_the_voice_that_holds() -> None:
    def said(voice: dict[str, str] | None = None) -> dict[str, Any]:
        own = {"synthesizer": {"vendor": "google", **voice}} if voice else {}
        return {"verb": "say", "text": "hello", **own}

    german = {"vendor": "aws", "language": "de-DE", "voice": "Vicki"}
    verbs = [
        said(),
        config(synthesizer=german),
        said(),
        said({"language": "fr-FR", "voice": "fr-FR-Standard-A"}),
        said({"vendor": "default", "voice": "Hans"}),
        config(reset=["synthesizer"]),
        said(),
        HANGUP,
    ]
    async with raw_app({"/": verbs}) as app:
        outcome = await called(app.url)

    voices = [one.voice for one in outcome.heard if isinstance(one, Said)]
    assert [(voice.vendor, voice.language, voice.name) for voice in voices] == [
        ("google", "en-US", "en-US-Standard-C"),
        ("aws", "de-DE", "Vicki"),
        ("google", "fr-FR", "fr-FR-Standard-A"),
        ("aws", "de-DE", "Hans"),
        ("google", "en-US", "en-US-Standard-C"),
    ]

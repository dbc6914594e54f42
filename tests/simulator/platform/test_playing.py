"""play: real files over HTTP, as long as they are, and what the caller has heard of them."""

from typing import Any

import numpy as np
import pytest
from simulator.platform.raw_app import HANGUP, RawApp, at, called, dialogue, raw_app, wav

from listen_server.simulator.platform import Beeped, Heard, Outcome, Played, Said

TEN, NOISE = wav(10)
GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1, "timeout": 2}


async def playing(
    *lines: str, scheme: str = "http", **options: Any
) -> tuple[Outcome, list[Heard], RawApp]:
    """Call an application that plays ten seconds of noise, and says good bye."""
    async with raw_app({}, scheme) as app:
        app.files["/a.wav"] = TEN
        url = app.url.replace("ws", "http") + "/a.wav"
        verb = {"verb": "play", "url": url, "actionHook": "/played", **options}
        app.answers["/"] = [verb, {"verb": "say", "text": "bye"}, HANGUP]
        outcome = await called(app.url, *lines)
    return outcome, list(outcome.heard), app


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_file_is_fetched_and_lasts_as_long_as_its_audio(scheme: str) -> None:
    outcome, (first, second), app = await playing(scheme=scheme)

    assert isinstance(first, Played)
    assert first.url.endswith("/a.wav")
    assert np.array_equal(first.pcm, NOISE)
    assert np.array_equal(first.heard_pcm, NOISE)
    assert (first.sample_rate, first.seconds, first.stopped_after) == (8000, 10, None)
    assert second == Said("bye")
    assert at(outcome, "asks /played") == 10
    (told,) = app.told("/played")
    assert told["reason"] == "playCompleted"
    assert int(told["playback_milliseconds"]) == 10_000


async def test_several_files_are_played_in_turn_and_again_and_each_is_fetched_once() -> None:
    async with raw_app({}) as app:
        app.files |= {"/a.wav": TEN, "/b.wav": wav(2, 16000)[0]}
        urls = [f"{app.url}/a.wav", f"{app.url}/b.wav"]
        app.answers["/"] = [{"verb": "play", "url": urls, "loop": 2}, HANGUP]
        outcome = await called(app.url)

    assert outcome.info.duration == 24
    assert [one.url for one in outcome.heard if isinstance(one, Played)] == urls * 2
    assert sum(".wav" in request.url.path for request in app.requests) == 2


async def test_a_prompt_that_a_key_cuts_off_was_heard_until_then() -> None:
    async with raw_app({"/chosen": [HANGUP]}) as app:
        app.files["/a.wav"] = TEN
        app.answers["/"] = [{**GATHER, "play": {"url": f"{app.url}/a.wav"}}]
        outcome = await called(app.url, "4 press 1")

    (heard,) = outcome.heard
    assert isinstance(heard, Played)
    assert heard.stopped_after == 4
    assert np.array_equal(heard.heard_pcm, NOISE[:, :32_000])
    assert "is cut off after 4.0 s" in dialogue(outcome)


async def test_a_caller_who_hangs_up_has_heard_no_more() -> None:
    _, (heard,), _ = await playing("3 hang up")

    assert heard.stopped_after == 3


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/missing.wav", "it was answered with 404"),
        ("/text.wav", "it is no audio"),
        ("a.wav", "it has no scheme"),
        ("http://127.0.0.1:1/a.wav", "it cannot be fetched"),
        ("http://[", "it cannot be fetched"),
    ],
)
async def test_a_file_that_cannot_be_played_is_told_and_the_call_goes_on(
    path: str, says: str
) -> None:
    async with raw_app({}) as app:
        app.files["/text.wav"] = b"hello"
        app.missing = {"/missing.wav"}
        url = f"{app.url}{path}" if path.startswith("/") else path
        verb = {"verb": "play", "url": url, "actionHook": "/played"}
        app.answers["/"] = [verb, {"verb": "say", "text": "bye"}, HANGUP]
        outcome = await called(app.url)

    assert any(line.startswith(f"cannot play {url}: {says}") for line in dialogue(outcome))
    assert list(outcome.heard) == [Said("bye")]
    (told,) = app.told("/played")
    assert (told["status"], told["reason"]) == ("fail", "playFailed")


async def test_an_offset_in_samples_begins_later_and_a_limit_ends_earlier() -> None:
    outcome, (heard, _), _ = await playing(seekOffset=16_000, timeoutSecs=3)

    assert isinstance(heard, Played)
    assert np.array_equal(heard.pcm, NOISE[:, 16_000:])
    assert np.array_equal(heard.heard_pcm, NOISE[:, 16_000:40_000])
    assert at(outcome, "asks /played") == 3


async def test_silence_of_the_media_server_takes_its_time() -> None:
    outcome, (heard, _), _ = await playing(url="silence_stream://1500")

    assert at(outcome, "asks /played") == 1.5
    assert isinstance(heard, Played)
    assert heard.pcm.shape == (1, 0)


async def test_what_others_hear_the_caller_does_not() -> None:
    dial = {"verb": "dial", "target": [{"type": "phone", "number": "1"}], "confirmHook": "/confirm"}
    async with raw_app({"/": [dial, HANGUP]}) as app:
        app.answers["/confirm"] = [{"verb": "say", "text": "a call for you"}]
        outcome = await called(app.url)

    assert outcome.heard == ()


async def test_the_beep_before_a_recording_is_heard() -> None:
    listen = {"verb": "listen", "url": "/audio", "playBeep": True, "maxLength": 1}
    async with raw_app({"/": [{"verb": "say", "text": "speak"}, listen, HANGUP]}) as app:
        outcome = await called(app.url)

    assert list(outcome.heard) == [Said("speak"), Beeped()]


async def test_a_token_in_an_address_is_not_printed_whole() -> None:
    token = "a1b2c3d4" * 8
    async with raw_app({}) as app:
        app.files[f"/{token}.wav"] = TEN
        app.answers["/"] = [{"verb": "play", "url": f"{app.url}/{token}.wav"}, HANGUP]
        outcome = await called(app.url)

    assert token not in str(outcome.screenplay)
    assert f"plays {app.url}/a1b2c3...b2c3d4.wav" in dialogue(outcome)

"""What the caller speaks into a stream arrives to the sample, and cues that wait for things."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import serving, settings
from simulator.platform.raw_app import HANGUP, RawApp, at, called, dialogue, raw_app, wav

import listen_server.simulator.platform.stream as module
from listen_codecs.formats import AudioBlock
from listen_server.jambonz.verbs import Listen
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform import Outcome
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.stream import Stream

LISTEN = {"verb": "listen", "url": "/audio", "actionHook": "/done", "finishOnKey": "#"}
SAY = {"text": "To listen press 1, to hang up press 2."}
GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1, "timeout": 2, "say": SAY}


@pytest.fixture
async def spoken(tmp_path: Path) -> tuple[Path, AudioBlock]:
    """Return a file of 3.01 s, and its samples."""
    data, samples = wav(3.01)
    file = tmp_path / "spoken.wav"
    await asyncio.to_thread(file.write_bytes, data)
    return file, samples


async def streamed(
    *lines: str, scheme: str = "http", verbs: list[Any] | None = None, **listen: Any
) -> tuple[Outcome, RawApp]:
    """Call an application that listens."""
    async with raw_app({}, scheme) as app:
        app.answers["/"] = [*(verbs or []), {**LISTEN, **listen}, HANGUP]
        return await called(app.url, *lines), app


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_what_is_spoken_is_sent_to_the_sample_and_silence_after_it(
    spoken: tuple[Path, AudioBlock], scheme: str
) -> None:
    file, samples = spoken
    lines = (f"recording speak {file} as call me back", "recording+1 press #")
    outcome, app = await streamed(*lines, scheme=scheme)

    (stream,) = outcome.streams
    frames = samples.shape[1]
    assert np.array_equal(stream.pcm[:, :frames], samples)
    assert not stream.pcm[:, frames:].any()
    assert stream.seconds == pytest.approx(4.01, abs=0.02)
    assert stream.format.sample_rate == 8000
    assert app.audio == stream.pcm.size * 2
    assert app.told("/done")[0]["digits"] == "#"
    assert "speaks spoken.wav (call me back)" in dialogue(outcome)


async def test_it_is_spoken_at_the_rate_and_into_the_channel_of_the_stream(
    spoken: tuple[Path, AudioBlock],
) -> None:
    file, _ = spoken
    lines = (f'recording speak "{file}"', "recording press #")
    outcome, _ = await streamed(*lines, sampleRate=16000, mixType="stereo")

    (stream,) = outcome.streams
    assert stream.pcm.shape[0] == 2
    assert np.abs(stream.pcm[0]).max() > 1000
    assert not stream.pcm[1].any()
    assert stream.seconds == pytest.approx(3.01, abs=0.03)


async def test_the_next_recording_is_another_one(spoken: tuple[Path, AudioBlock]) -> None:
    file, samples = spoken
    lines = (f"recording speak {file}", "recording press #", f"recording+1 speak {file}")
    outcome, _ = await streamed(*lines, "recording press #", verbs=[LISTEN])

    first, second = outcome.streams
    assert np.array_equal(first.pcm[:, : samples.shape[1]], samples)
    assert not second.pcm[:, :8000].any()
    assert np.array_equal(second.pcm[:, 8000 : 8000 + samples.shape[1]], samples)


async def test_a_caller_may_hang_up_in_the_recording(spoken: tuple[Path, AudioBlock]) -> None:
    file, _ = spoken
    outcome, app = await streamed(f"recording speak {file}", "recording hang up")

    assert outcome.info.ended_by == "caller"
    assert app.told("/done")[0]["call_status"] == "completed"


async def test_a_nested_transcribe_is_told_the_words(spoken: tuple[Path, AudioBlock]) -> None:
    file, _ = spoken
    lines = (f"recording speak {file} as hello there", "recording press #")
    _, app = await streamed(*lines, transcribe={"transcriptionHook": "/text"})

    (told,) = app.told("/text")
    assert told["speech"]["alternatives"][0]["transcript"] == "hello there"


async def test_files_that_are_none_are_all_said_before_the_call_begins() -> None:
    lines = ("recording speak nowhere.wav", f'recording speak "{__file__}"')
    async with raw_app({"/": [LISTEN, HANGUP]}) as app:
        with pytest.raises(CallError) as told:
            await called(app.url, *lines, audio=Path("/nowhere.flac"))

    says = str(told.value).splitlines()
    found = [line.partition("; ")[0] for line in says]
    assert [found[0], found[2]] == [
        "there is no file nowhere.wav",
        "there is no file /nowhere.flac",
    ]
    assert found[1].startswith(f"{__file__} is ")
    assert app.told("/") == []


async def test_audio_that_goes_away_in_the_call_is_an_error_once_the_call_is_over(
    spoken: tuple[Path, AudioBlock],
) -> None:
    file, _ = spoken

    async def gone(_: Any) -> Any:
        await asyncio.to_thread(file.unlink)
        return [LISTEN, HANGUP]

    async with raw_app({"/": gone}) as app:
        with pytest.raises(CallError, match=r"there is no file .*spoken\.wav"):
            await called(app.url, audio=file)

    assert app.told("/call-status")[-1]["call_status"] == "completed"


async def test_a_cue_waits_until_its_words_are_said() -> None:
    def chosen(told: Any) -> Any:
        return [GATHER] if told["digits"] == "1" else [HANGUP]

    async with raw_app({"/": [GATHER], "/chosen": chosen}) as app:
        outcome = await called(app.url, 'hears "Press 1" press 1', 'hears "press 2"+0.5 press 2')

    assert [told["digits"] for told in app.told("/chosen")] == ["1", "2"]
    assert at(outcome, "presses 1") == pytest.approx(2.5 * 17 / 38, abs=0.01)
    later = at(outcome, "presses 2") - at(outcome, "asks /chosen")
    assert later == pytest.approx(2.5 * 37 / 38 + 0.5, abs=0.01)


async def test_words_that_are_cut_off_before_they_come_are_not_heard() -> None:
    async with raw_app({"/": [GATHER, GATHER], "/chosen": []}) as app:
        outcome = await called(app.url, "0.5 press 3", 'hears "press 2" hang up')

    assert at(outcome, "hangs up") == pytest.approx(0.5 + 2.5 * 37 / 38, abs=0.01)


@pytest.mark.parametrize("tick", [0.01, 0.1])
async def test_a_server_that_ends_a_message_on_silence_is_not_outrun_for_long(
    tmp_path: Path, spoken: tuple[Path, AudioBlock], tick: float
) -> None:
    file, samples = spoken
    async with serving(settings(tmp_path, tick=tick)) as running:
        metadata = {"end_on_silence": 2}
        lines = (f"recording speak {file}",)
        outcome, _ = await streamed(*lines, url=running.url(), metadata=metadata)
        recording = await running.recording()

    (stream,) = outcome.streams
    frames = samples.shape[1]
    assert 2 <= stream.seconds - frames / 8000 <= 3.55
    assert np.array_equal(recording.audio[:, :frames], samples)
    assert recording.audio.shape == stream.pcm.shape
    assert any("the server asked for its end" in line for line in dialogue(outcome))


async def test_a_server_that_answers_no_ping_is_not_waited_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class _Deaf:
        def __init__(self) -> None:
            self.pings = 0

        def ping(self) -> "asyncio.Future[None]":
            self.pings += 1
            return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    made = Stream(Clock(), Listen(url="ws://127.0.0.1/"), base="", audio=None)
    deaf = _Deaf()
    made._connection = deaf  # type: ignore[assignment] # all that it is asked for here
    for half in range(1, 20):
        made.seconds = half / 2
        await made._wait_for_server()

    assert deaf.pings == 2

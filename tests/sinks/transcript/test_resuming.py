"""What an engine missed while it was away it hears from a sink that keeps the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import until
from mailbox_contents import voicemail
from transcript_script import Script, ScriptedEngine, install, spoken, transcribing

from listen_codecs.formats import AudioFormat
from listen_sinks.api import Call, Sink
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.transcript import session as session_module
from listen_sinks.transcript import source as source_module
from listen_sinks.transcript.api import EngineAway, Result
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.session import Patience, Session

WORDS = 300  # 30 seconds
FORMAT = AudioFormat(8000, "mono")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(session_module, "LONGEST_DELAY", 0.005)
    monkeypatch.setattr(source_module, "PACE", 1000.0)


class Both:
    """A call that goes to both sinks, block by block."""

    def __init__(self, call: Call, sinks: list[Sink], transcript: Transcript) -> None:
        self.call = call
        self._sinks = sinks
        self.transcript = transcript
        self.words = 0

    async def say(self, words: int) -> None:
        audio = spoken(self.call.format, self.words, words)
        for block in packets(audio, self.call.format.sample_rate // 10):
            for sink in self._sinks:
                await sink.audio(block)
        self.words += words
        await asyncio.sleep(0)

    async def hang_up(self) -> None:
        frames = round(self.words * self.call.format.sample_rate / 10)
        outcome = make_outcome(self.call, frames)
        await asyncio.gather(*(sink.finish(outcome) for sink in self._sinks))

    def understood(self, channel: int = 0) -> list[int]:
        return [int(word) for word in self.transcript.text(channel).split()]


@asynccontextmanager
async def a_call(folder: Path, call: Call, **config: Any) -> AsyncIterator[Both]:
    """Begin a call into voicemail and transcript."""
    config = {"ring_seconds": 1.0, "drain_timeout": 5.0, **config}
    async with voicemail(folder) as kept, transcribing(folder, **config) as heard:
        sinks = [kept.sink(call), heard.sink(call)]
        posting = BOARD.find(call.stream_id)
        assert posting is not None
        for sink in sinks:
            await sink.start(call)
        yield Both(call, sinks, posting.transcript)
        await until(lambda: not heard.draining)


@pytest.mark.parametrize(("rate", "mix"), [(8000, "mono"), (16000, "stereo")])
async def test_an_engine_that_comes_late_hears_the_call_from_its_beginning_while_it_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int, mix: Any
) -> None:
    script = Script(["hang open"])
    install(monkeypatch, script)
    async with a_call(tmp_path, make_call(rate, mix)) as both:
        await both.say(WORDS)
        assert both.transcript.results == []
        script.hang.set()
        await until(lambda: both.understood(both.call.format.channels - 1)[-1:] == [WORDS - 1])
        await both.say(20)
        await both.hang_up()

    for channel in range(both.call.format.channels):
        assert both.understood(channel) == list(range(WORDS + 20))
    assert both.transcript.complete


async def test_engines_that_break_off_all_the_time_cost_no_word_however_short_the_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["open", "after 1.7", "open", *["after 2.2"] * 20])
    install(monkeypatch, script)
    async with a_call(tmp_path, make_call(), ring_seconds=0.2) as both:
        for _ in range(WORDS // 30):
            await both.say(30)
        await until(lambda: len(script.made) >= 8)
        script.steps.clear()
        await until(lambda: both.understood()[-1:] >= [WORDS - 6])
        await both.hang_up()

    assert both.understood() == list(range(WORDS))
    assert both.transcript.complete


async def test_of_an_absence_that_is_too_long_the_newest_is_heard_and_the_rest_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang open"])
    install(monkeypatch, script)
    async with a_call(tmp_path, make_call(), catch_up_seconds=10) as both:
        await both.say(WORDS)
        script.hang.set()
        await until(lambda: both.understood()[-1:] == [WORDS - 1])
        await both.hang_up()

    assert both.understood() == list(range(200, WORDS))
    assert both.transcript.uncovered == [(0.0, 20.0)]


async def test_what_is_damaged_on_disk_is_marked_and_the_rest_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang open"], every=0.1)
    install(monkeypatch, script)
    async with a_call(tmp_path, make_call()) as both:
        await both.say(WORDS)
        while not await asyncio.to_thread(_damaged, tmp_path):  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(0.01)
        script.hang.set()
        await until(lambda: both.understood()[-1:] >= [WORDS - 6])
        await both.hang_up()

    ((start, end),) = both.transcript.uncovered
    assert end - start == pytest.approx(16384 / 16000)
    lost = {n for n in range(WORDS) if n / 10 < end and (n + 1) / 10 > start}
    last = {WORDS - 1}  # this engine leaves out what is no whole word
    assert set(both.understood()) >= set(range(WORDS)) - lost - last
    assert both.transcript.whole


async def test_a_call_that_ends_while_the_engine_is_away_is_left_to_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang open"])
    install(monkeypatch, script)
    async with a_call(tmp_path, make_call()) as both:
        await both.say(WORDS)
        await both.hang_up()
        script.hang.set()

    assert both.understood() == list(range(290, WORDS))
    assert both.transcript.uncovered == [(0.0, 29.0)]


class Listening:
    """A session without sinks, whose engine breaks off and says what it covered."""

    def __init__(self, script: Script, ring: float = 1.0) -> None:
        self.missed: list[tuple[float, float]] = []
        self.heard: list[Result] = []
        self.session = Session(
            script.engine,
            FORMAT,
            "en-US",
            heard=self.heard.append,
            missed=lambda start, end: self.missed.append((start, end)) if end > start else None,
            patience=Patience(drain=5, ring=ring),
        )


@pytest.mark.parametrize(("covered", "first"), [(None, 0.0), (4.0, 4.0), (99.0, 5.0)])
async def test_what_an_engine_calls_covered_is_not_heard_again_words_or_none(
    monkeypatch: pytest.MonkeyPatch, covered: float | None, first: float
) -> None:
    monkeypatch.setattr(ScriptedEngine, "_say", lambda *_: None)
    script = Script(["after 5"], error=lambda: EngineAway("gone", covered=covered), every=100)
    listening = Listening(script)
    running = asyncio.create_task(listening.session.run())
    for number in range(50):
        listening.session.put(spoken(FORMAT, number, 1))
        await asyncio.sleep(0)
    for number in range(50, 80):
        listening.session.put(spoken(FORMAT, number, 1))
    listening.session.end()

    assert await running
    assert listening.missed == [(first, 7.0)]


@pytest.mark.parametrize("step", ["after 5", "after 5, hang results"])
async def test_results_that_were_given_before_it_broke_off_are_not_covered_until_they_came(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(session_module, "_LAST", 0.05)
    script = Script([step], error=lambda: EngineAway("gone", covered=4.5))
    if "hang" in step:

        async def nothing(self: ScriptedEngine) -> AsyncIterator[Result]:
            if self.step == step:
                await script.hang.wait()
            async for result in results(self):
                yield result

        results = ScriptedEngine.results
        monkeypatch.setattr(ScriptedEngine, "results", nothing)
    listening = Listening(script, ring=20)
    for number in range(60):
        listening.session.put(spoken(FORMAT, number, 1))
    listening.session.end()

    assert await listening.session.run()
    words = [int(word) for result in listening.heard for word in result.text.split()]
    assert words == list(range(60))
    assert listening.missed == []


async def test_an_engine_that_is_slower_than_people_speak_is_never_further_behind_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    install(monkeypatch, script)
    turn = asyncio.Semaphore(0)

    async def audio(self: ScriptedEngine, block: np.ndarray) -> None:
        await turn.acquire()
        await take(self, block)

    take = ScriptedEngine.audio
    monkeypatch.setattr(ScriptedEngine, "audio", audio)
    async with a_call(tmp_path, make_call(), catch_up_seconds=5) as both:
        for _ in range(30):
            await both.say(10)
            turn.release()
        for _ in range(1000):
            turn.release()
        await until(lambda: both.understood()[-1:] >= [WORDS - 6])
        await both.hang_up()

    missed = sum(end - start for start, end in both.transcript.uncovered)
    assert 10 < missed < 28
    assert both.understood()[-50:] == list(range(250, WORDS))


def _damaged(folder: Path) -> bool:
    """Spoil a chunk of the object, if there is one by now."""
    (path,) = (folder / "spool").rglob("*.audio")
    data = bytearray(path.read_bytes())
    if len(data) < 100_000:
        return False
    data[60_000] ^= 1
    path.write_bytes(data)
    return True

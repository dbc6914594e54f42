"""The transcript sink never holds up a call, and nobody else suffers from its engine."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import until
from transcript_script import Script, ScriptedEngine, install, make_transcript, spoken, transcribing

from listen_sinks.api import Call, Gap, SinkContext, SinkError, SinkPlugin
from listen_sinks.buffered import Buffered, Limits
from listen_sinks.conformance import SinkContract
from listen_sinks.fanout import FanOut
from listen_sinks.memory import Memory, MemoryConfig
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.transcript import session as session_module
from listen_sinks.transcript.api import EngineRefused
from listen_sinks.transcript.board import BOARD

LIMITS = Limits(queue_seconds=10, when_full="drop_oldest", timeout=30, finish_timeout=300)


class Watcher:
    def __init__(self) -> None:
        self.failures: list[tuple[str, str, str]] = []
        self.lost_seconds = 0.0

    def queued(self, sink: str, seconds: float) -> None:
        pass

    def lost(self, sink: str, seconds: float) -> None:
        del sink
        self.lost_seconds += seconds

    def failed(self, sink: str, stream_id: str, method: str, error: BaseException) -> None:
        del stream_id
        self.failures.append((sink, method, str(error)))


class TestTranscript(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SinkPlugin:
        install(monkeypatch, Script())
        return make_transcript(tmp_path)


class TestTranscriptWithoutEngine(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> SinkPlugin:
        return make_transcript(tmp_path, engine="null")


class TestTranscriptWhoseEngineIsAway(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SinkPlugin:
        install(monkeypatch, Script(["open"] * 100_000))
        return make_transcript(tmp_path, close_timeout=0.0)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    yield Watcher()
    assert BOARD.offers == []


async def stream(
    call: Call, plugins: dict[str, SinkPlugin], watcher: Watcher, seconds: float = 2.0
) -> None:
    """Give a stream to sinks as the server does; return when the last one has finished."""
    sinks = [Buffered(name, one.sink(call), LIMITS, watcher) for name, one in plugins.items()]
    fan_out = FanOut(sinks)
    await fan_out.start(call)
    audio = spoken(call.format, 0, round(seconds * 10))
    for block in packets(audio, call.format.sample_rate // 10):
        await fan_out.audio(block)
        await asyncio.sleep(0)
    await fan_out.finish(make_outcome(call, audio.shape[1]))
    await asyncio.gather(*(sink.wait() for sink in sinks))


def memory(folder: Path) -> Memory:
    return Memory(MemoryConfig(), SinkContext("memory", folder))


async def test_words_come_while_the_call_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher
) -> None:
    install(monkeypatch, Script())
    call = make_call(16000, "stereo")
    heard: list[tuple[str, int, str]] = []
    end = BOARD.subscribe(lambda stream_id, r: heard.append((stream_id, r.channel, r.text)))
    async with transcribing(tmp_path) as plugin:
        await stream(call, {"transcript": plugin}, watcher)
        await until(lambda: not plugin.draining)
    end()

    for channel in (0, 1):
        words = " ".join(text for _, heard_on, text in heard if heard_on == channel)
        assert [int(word) for word in words.split()] == list(range(20))
    assert {stream_id for stream_id, _, _ in heard} == {call.stream_id}
    assert BOARD.find(call.stream_id) is None


@pytest.mark.parametrize("step", ["open", "hang open", "hang audio", "hang drain", "hang results"])
async def test_a_dead_engine_costs_other_sinks_nothing_and_the_call_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher, step: str
) -> None:
    install(monkeypatch, Script([step] * 100_000))
    call = make_call()
    other = memory(tmp_path)
    async with transcribing(tmp_path, close_timeout=0.0) as plugin:
        async with asyncio.timeout(5):
            await stream(call, {"transcript": plugin, "memory": other}, watcher)
        assert plugin.draining == 1

    assert other.recordings[call.stream_id].audio.shape == (1, 16000)
    assert watcher.failures == []
    assert watcher.lost_seconds == 0


async def test_an_engine_that_refuses_ends_its_sink_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher
) -> None:
    sentence = "the API is not enabled: enable it in the console"
    install(monkeypatch, Script(["open"], error=lambda: EngineRefused(sentence)))
    call = make_call()
    other = memory(tmp_path)
    async with transcribing(tmp_path) as plugin:
        await stream(call, {"transcript": plugin, "memory": other}, watcher)

    ((sink, _, says),) = watcher.failures
    assert sink == "transcript"
    assert says == f"the engine 'scripted' gave up: {sentence}"
    assert other.recordings[call.stream_id].audio.shape == (1, 16000)


async def test_words_that_come_after_hang_up_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher
) -> None:
    script = Script(["hang drain"])
    install(monkeypatch, script)
    call = make_call()
    async with transcribing(tmp_path) as plugin:
        posting = None

        def remember(stream_id: str, _: object) -> None:
            nonlocal posting
            posting = BOARD.find(stream_id) or posting

        end = BOARD.subscribe(remember)
        await stream(call, {"transcript": plugin}, watcher, 1.7)
        assert posting is not None
        assert not posting.ended
        script.hang.set()
        assert await posting.wait(5)
        end()

    assert posting.transcript.complete
    assert posting.transcript.text().split()[-1] == "16"


async def test_a_server_that_stops_waits_for_last_words_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher
) -> None:
    install(monkeypatch, Script(["hang drain"]))
    async with transcribing(tmp_path, close_timeout=0.05) as plugin:
        await stream(make_call(), {"transcript": plugin}, watcher)
        async with asyncio.timeout(5):
            await plugin.close()
        assert plugin.draining == 0


async def test_a_hundred_calls_that_end_at_once_all_get_their_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher
) -> None:
    script = Script()
    install(monkeypatch, script)
    transcripts: dict[str, Any] = {}
    calls = [make_call(call_sid=f"call {number}") for number in range(100)]
    async with transcribing(tmp_path) as plugin:
        end = BOARD.subscribe(
            lambda sid, _: transcripts.setdefault(sid, getattr(BOARD.find(sid), "transcript", None))
        )
        await asyncio.gather(
            *(stream(call, {"transcript": plugin}, watcher, 0.7) for call in calls)
        )
        await until(lambda: not plugin.draining)
        end()

    assert len(transcripts) == 100
    assert all(one.complete for one in transcripts.values())
    assert {one.text() for one in transcripts.values()} == {"0 1 2 3 4 5 6"}
    assert all(engine.closed for engine in script.made)


async def test_audio_that_its_own_queue_lost_is_marked_and_times_stay_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script())
    call = make_call()
    async with transcribing(tmp_path) as plugin:
        sink = plugin.sink(call)
        posting = BOARD.find(call.stream_id)
        assert posting is not None
        await sink.start(call)
        await sink.audio(spoken(call.format, 0, 10))
        await sink.event(Gap(1.0, 2.0, "sink too slow"), 1.0)
        await sink.event(Gap(3.0, 60.0, "not received"), 3.0)
        await sink.audio(spoken(call.format, 30, 10))
        await sink.finish(make_outcome(call, 4 * 8000))
        assert await posting.wait(5)

    starts = {w.text: round(w.start, 2) for r in posting.transcript.results for w in r.words}
    assert (starts["9"], starts["30"]) == (0.9, 3.0)
    assert posting.transcript.uncovered == [(1.0, 3.0)]
    assert posting.transcript.whole
    assert not posting.transcript.complete


async def test_silence_alone_is_a_transcript_without_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script(every=10_000))
    monkeypatch.setattr(ScriptedEngine, "_say", lambda *_: None)
    call = make_call()
    async with transcribing(tmp_path) as plugin:
        sink = plugin.sink(call)
        posting = BOARD.find(call.stream_id)
        assert posting is not None
        await sink.start(call)
        for block in packets(spoken(call.format, 0, 600), 800):
            await sink.audio(block)
            await asyncio.sleep(0)
        await sink.finish(make_outcome(call, 480000))
        assert await posting.wait(5)

    assert posting.transcript.complete
    assert posting.transcript.text() == ""


async def test_what_came_after_an_engine_gave_up_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "FIRST_DELAY", 0.001)
    install(monkeypatch, Script(["after 1"], error=lambda: EngineRefused("no credential")))
    call = make_call()
    async with transcribing(tmp_path) as plugin:
        sink = plugin.sink(call)
        posting = BOARD.find(call.stream_id)
        assert posting is not None
        await sink.start(call)
        await sink.audio(spoken(call.format, 0, 20))
        assert await posting.wait(5)
        with pytest.raises(SinkError, match="no credential"):
            await sink.audio(spoken(call.format, 20, 20))
        await sink.finish(make_outcome(call, 5 * 8000, state="failed"))

    assert posting.transcript.uncovered[-1][1] == 5.0

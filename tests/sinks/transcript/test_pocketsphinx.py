"""The offline engine: real words from real processes, which die without harm and leave nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import until
from transcript_script import transcribing

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.resampling import resample
from listen_server.simulator.clip import CLIP, CLIP_WORDS
from listen_sinks.api import SinkContext
from listen_sinks.testing import make_call, make_outcome
from listen_sinks.transcript import pool as pool_module
from listen_sinks.transcript import stretches as stretches_module
from listen_sinks.transcript.api import EngineAway, EngineRefused, TranscriberPlugin
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.conformance import EngineContract
from listen_sinks.transcript.pocketsphinx import PocketSphinx
from listen_sinks.transcript.pocketsphinx_options import PocketSphinxConfig
from listen_sinks.transcript.pool import Pool
from listen_sinks.transcript.reading import read_aloud
from listen_sinks.transcript.stretches import RATE, Stretch
from listen_sinks.transcript.word_errors import word_errors

pytest.importorskip("pocketsphinx", reason="the extra `offline` is not installed")

SPEECH = os.environ.get("LISTEN_TEST_SPEECH")
BLOCK, CLIP_RATE = read_audio(CLIP)
NOISE = Stretch(0.0, np.random.default_rng(3).normal(0, 500, RATE // 2).astype(np.int16))


@asynccontextmanager
async def engines(**options: Any) -> AsyncIterator[PocketSphinx]:
    config = PocketSphinxConfig.model_validate({"processes": 1, **options})
    plugin = PocketSphinx(config, SinkContext("transcript", Path()))
    await plugin.open()
    try:
        yield plugin
    finally:
        await plugin.close()


async def understood(plugin: TranscriberPlugin, audio: AudioBlock, rate: int) -> Transcript:
    async def blocks() -> AsyncIterator[AudioBlock]:
        for start in range(0, audio.shape[1], rate // 10):
            yield audio[:, start : start + rate // 10]

    form = AudioFormat(rate, "mono" if audio.shape[0] == 1 else "stereo")
    return await read_aloud(plugin, "pocketsphinx", blocks(), form, "en-US")


async def test_both_voices_of_the_clip_are_understood_at_the_rate_of_a_telephone() -> None:
    rate = 8000
    audio = await asyncio.to_thread(resample, BLOCK, CLIP_RATE, rate)
    async with engines() as plugin:
        transcript = await understood(plugin, audio, rate)

    for channel, who in enumerate(("caller", "greeting")):
        assert word_errors(CLIP_WORDS[who], transcript.text(channel)).rate <= 0.2
    first = min(r.start for r in transcript.results if r.channel == 0)
    assert 1.2 < first < 1.9


@pytest.mark.skipif(SPEECH is None, reason="LISTEN_TEST_SPEECH=DIR has WAV files, and .txt beside")
@pytest.mark.timeout(300)
async def test_of_real_speech_at_16_khz_no_more_than_three_words_in_ten_are_wrong() -> None:
    said, heard = [], []
    async with engines(processes=2) as plugin:
        for file in sorted(Path(SPEECH or "").glob("*.wav")):  # noqa: ASYNC240 - a few names
            audio, rate = await asyncio.to_thread(read_audio, file)
            heard.append((await understood(plugin, audio[:1], rate)).text())
            said.append(await asyncio.to_thread(file.with_suffix(".txt").read_text))

    assert word_errors(" ".join(said), " ".join(heard)).rate <= 0.3


async def test_silence_costs_no_process() -> None:
    async with engines() as plugin:
        audio = np.zeros((2, 20 * 8000), np.int16)
        transcript = await understood(plugin, audio, 8000)
        assert plugin.pool._workers[0]._process is None
    assert transcript.results == []


async def test_another_language_is_refused_with_a_sentence() -> None:
    async with engines() as plugin:
        with pytest.raises(EngineRefused, match="English"):
            await plugin.engine().open(AudioFormat(8000, "mono"), "de-DE")


async def test_a_process_that_dies_is_replaced_and_no_word_is_lost() -> None:
    pool = Pool(1, 100)
    await pool.open()
    speech = Stretch(2.0, np.ascontiguousarray(BLOCK[1]))
    try:
        await pool.understand(NOISE)
        process = pool._workers[0]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        words = await pool.understand(speech)
    finally:
        await pool.close()
    assert [word.text for word in words] == CLIP_WORDS["greeting"].split()
    assert words[0].start >= 2.0
    assert pool.died == 1


async def test_a_stretch_that_kills_every_process_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        pool_module,
        "_start",
        lambda: subprocess.Popen(
            [sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ),
    )
    pool = Pool(2, 100)
    await pool.open()
    try:
        with pytest.raises(EngineAway):
            await pool.understand(NOISE)
    finally:
        await pool.close()
    assert pool.seconds == 0


async def test_a_process_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_LEAST", 0.05)
    monkeypatch.setattr(pool_module, "LONGEST", 0.0)
    hanging = [sys.executable, "-c", "import time; time.sleep(1000)"]
    monkeypatch.setattr(
        pool_module,
        "_start",
        lambda: subprocess.Popen(hanging, stdin=subprocess.PIPE, stdout=subprocess.PIPE),
    )
    pool = Pool(1, 100)
    await pool.open()
    try:
        with pytest.raises(EngineAway):
            await pool.understand(NOISE)
    finally:
        async with asyncio.timeout(5):
            await pool.close()


async def test_more_calls_than_processes_wait_their_turn_and_are_bounded() -> None:
    async with engines(queue_seconds=0.6) as plugin:
        pool = plugin.pool
        works = [asyncio.create_task(pool.understand(NOISE)) for _ in range(6)]
        await until(lambda: pool.seconds >= 3)
        waiting = asyncio.create_task(pool.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await asyncio.gather(*works)
        await asyncio.wait_for(waiting, 5)
        assert pool.seconds == 0


async def test_no_process_outlives_the_plugin_even_with_work_in_hand() -> None:
    async with engines() as plugin:
        work = asyncio.create_task(plugin.pool.understand(NOISE))
        await until(lambda: plugin.pool._workers[0]._process)
        process = plugin.pool._workers[0]._process
        assert process is not None
        work.cancel()
    assert process.returncode is not None
    await asyncio.gather(work, return_exceptions=True)


async def test_no_process_outlives_a_server_that_is_killed() -> None:
    program = (
        "import asyncio, numpy as np\n"
        "from listen_sinks.transcript.pool import Pool\n"
        "from listen_sinks.transcript.stretches import Stretch\n"
        "async def main():\n"
        "    pool = Pool(1, 100)\n"
        "    await pool.open()\n"
        "    await pool.understand(Stretch(0.0, np.zeros(8000, np.int16)))\n"
        "    print(pool._workers[0]._process.pid, flush=True)\n"
        "    await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 5
    server.kill()
    await server.wait()
    await until(lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):  # it goes between two questions, too
        return False


QUICK = """
import json, sys
while head := sys.stdin.buffer.read(4):
    sys.stdin.buffer.read(int.from_bytes(head, "little"))
    sys.stdout.buffer.write(json.dumps([["word", 0.1, 0.2, 0.5]]).encode() + b"\\n")
    sys.stdout.buffer.flush()
"""
ONCE = QUICK.replace(
    "while head := sys.stdin.buffer.read(4):", "if head := sys.stdin.buffer.read(4):"
)


async def test_what_was_understood_before_its_processes_died_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = iter([ONCE])
    monkeypatch.setattr(
        pool_module,
        "_start",
        lambda: subprocess.Popen(
            [sys.executable, "-c", next(programs, "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ),
    )
    monkeypatch.setattr(stretches_module, "LEAST", 0.5)
    clip = await asyncio.to_thread(resample, BLOCK[:1], CLIP_RATE, RATE)
    pause = np.zeros((1, 2 * RATE), np.int16)
    audio = np.concatenate([clip, pause, clip, pause], axis=1)
    async with engines() as plugin:
        engine = plugin.engine()
        await engine.open(AudioFormat(RATE, "mono"), "en-US")
        await engine.audio(audio)
        results = engine.results()
        first = await anext(results)
        with pytest.raises(EngineAway) as raised:
            await anext(results)
        await engine.close()

    assert first.text == "word"
    assert raised.value.covered is not None
    assert 0.5 < raised.value.covered < audio.shape[1] / RATE / 2 + 2


class TestPocketSphinx(EngineContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> TranscriberPlugin:
        return PocketSphinx(PocketSphinxConfig(processes=1), SinkContext("transcript", tmp_path))

    def audio(self, form: AudioFormat, seconds: float) -> AudioBlock:
        """Have nothing that passes for speech: to understand it takes its time."""
        silence: AudioBlock = np.zeros((form.channels, round(seconds * form.sample_rate)), np.int16)
        silence.flags.writeable = False
        return silence


async def test_a_hundred_calls_that_end_at_once_all_get_their_turn_in_a_small_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        program = [sys.executable, "-c", QUICK]
        started.append(subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    monkeypatch.setattr(pool_module, "_start", start)
    calls = [make_call(call_sid=f"call {number}") for number in range(100)]
    audio = np.ascontiguousarray(await asyncio.to_thread(resample, BLOCK[:1], CLIP_RATE, 8000))
    config = {"engine": "pocketsphinx", "options": {"processes": 2}}
    postings = []
    async with transcribing(tmp_path, **config) as plugin:
        sinks = [plugin.sink(call) for call in calls]
        for call, sink in zip(calls, sinks, strict=True):
            postings.append(BOARD.find(call.stream_id))
            await sink.start(call)
            await sink.audio(audio)
        await asyncio.gather(
            *(
                sink.finish(make_outcome(call, audio.shape[1]))
                for call, sink in zip(calls, sinks, strict=True)
            )
        )
        await until(lambda: not plugin.draining, 30)

    assert all(one is not None and one.transcript.complete for one in postings)
    assert {one.transcript.text() for one in postings if one} == {"word"}
    assert 1 <= len(started) <= 2
    assert all(process.returncode is not None for process in started)

"""The transcript sink with `google`, 200 calls at once, and the stand-in in another process.

`python -m benchmarks.transcribing SINK ADDRESS CALLS SECONDS` feeds sinks as the server would, a
block of 100 ms at a time, and prints what came of it. Every call says tokens: a delay is the time
from the block in which one ended to the first result that has it.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import numpy as np
from benchmarks.load import BenchError
from benchmarks.processes import Usage, resident_kib

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, NoConfig, Sink, SinkContext, SinkPlugin
from listen_sinks.discard import Discard
from listen_sinks.testing import make_call, make_outcome
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.google.stand_in import spoken
from listen_sinks.transcript.google.stand_in.ear import QUIET_WINDOWS, WINDOW
from listen_sinks.transcript.plugin import Transcript

RATE: Final = 8000  # Hz
BLOCK: Final = 0.1  # seconds
FRAMES_PER_SECOND: Final = 50  # of 20 ms, as jambonz sends them
SETTLING: Final = 3.0  # seconds, before and after what is measured, if that is not shorter
GAP, TOKEN, GROUP, REST = 0.3, 0.1, 6, 0.6  # seconds, seconds, tokens, seconds
_PATH: Final = os.pathsep.join(
    [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
)


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What one run came to. None is what `discard` has not."""

    sink: str
    calls: int
    cpu: float  # us per frame
    rss: float  # KiB per call, over idle
    delay_p50: float | None  # ms from a token's arrival to its result
    delay_p99: float | None
    wrong: int | None  # calls whose words are not every token once and in order
    waited: float  # share of the time in which it had work, and no core


def transcribe(sink: str, calls: int, seconds: int) -> Transcribed:
    """Run the stand-in and the calls, each in a process. Raises BenchError."""
    with standing_in() as address:
        return Transcribed(**in_a_process("transcribing", sink, address, calls, seconds))


def in_a_process(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module of this folder; return the JSON that it prints. Raises BenchError."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": _PATH},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{module}, {arguments[0]}: it ended with {done.returncode}")
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@contextmanager
def standing_in() -> Iterator[str]:
    """Run the stand-in; give its address."""
    command = [sys.executable, "-m", "listen_sinks.transcript.google.stand_in", "serve"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@dataclass(slots=True)
class _Speaker:
    """One call: what it says, and when it said it."""

    call: Call
    sink: Sink
    begun: float = 0.0
    blocks: int = 0
    words: list[int] = field(default_factory=list)
    told: int = 0  # tokens of which there was a result


class _Calls:
    """All calls of one run."""

    def __init__(self, plugin: SinkPlugin, calls: int, seconds: float) -> None:
        numbers = range(int(seconds / (TOKEN + GAP)))
        self.audio = spoken(numbers, RATE, gap=GAP, group=GROUP, rest=REST)
        self.seconds = seconds
        self.delays: list[tuple[float, float]] = []  # when, and ms
        made = [make_call(RATE) for _ in range(calls)]
        self.speakers = {call.stream_id: _Speaker(call, plugin.sink(call)) for call in made}

    async def speak(self) -> None:
        """Let all speak, evenly spaced within a block's time."""
        start = monotonic()
        each = enumerate(self.speakers.values())
        await asyncio.gather(
            *(self._speak(one, start + n * BLOCK / len(self.speakers)) for n, one in each)
        )

    async def _speak(self, speaker: _Speaker, start: float) -> None:
        await speaker.sink.start(speaker.call)
        speaker.begun = start
        step = round(BLOCK * RATE)
        for number in range(int(self.seconds / BLOCK)):
            await asyncio.sleep(max(0.0, start + (number + 1) * BLOCK - monotonic()))
            block: AudioBlock = self.audio[:, number * step : (number + 1) * step].copy()
            await speaker.sink.audio(block)
            speaker.blocks += 1
        frames = speaker.blocks * step
        await speaker.sink.finish(make_outcome(speaker.call, frames))

    def heard(self, stream: str, result: Result) -> None:
        """Take a result, and note how late the newest of its tokens is."""
        speaker = self.speakers[stream]
        found = [int(word) for word in result.text.split()]
        now = monotonic()
        for number in found:
            if number >= speaker.told:
                speaker.told = number + 1
                self.delays.append((now, 1000 * (now - speaker.begun - _arrival(number))))
        if result.is_final:
            speaker.words += found

    def wrong(self) -> int:
        """Count calls whose words are not every token once and in order."""
        end = int(self.seconds / BLOCK) * BLOCK
        said = [n for n in range(10**4) if _end(n) <= end]
        return sum(one.words[: len(said)] != said for one in self.speakers.values())


def _end(number: int) -> float:
    """Return when a token ends, in seconds of its call."""
    return number * (TOKEN + GAP) + number // GROUP * REST + TOKEN


def _arrival(number: int) -> float:
    """Return when the block has come in which a token ends, with the silence that shows its end."""
    return float(np.ceil(round((_end(number) + QUIET_WINDOWS * WINDOW) / BLOCK, 6)) * BLOCK)


async def _run(sink: str, address: str, count: int, seconds: float) -> Transcribed:
    settling = min(SETTLING, seconds)
    plugin = _plugin(sink, address)
    await plugin.open()
    calls = _Calls(plugin, count, seconds + 2 * settling)
    stop = BOARD.subscribe(calls.heard)
    pid = os.getpid()
    idle = await asyncio.to_thread(resident_kib, pid)
    speaking = asyncio.create_task(calls.speak())
    await asyncio.sleep(settling)
    before = await asyncio.to_thread(Usage.of, pid)
    await asyncio.sleep(seconds)
    used = (await asyncio.to_thread(Usage.of, pid)).since(before)
    resident = await asyncio.to_thread(resident_kib, pid)
    await speaking
    await plugin.close()
    stop()
    span = (before.at, before.at + used.at)
    delays = [delay for at, delay in calls.delays if span[0] <= at < span[1]]
    return Transcribed(
        sink=sink,
        calls=count,
        cpu=used.cpu / (count * FRAMES_PER_SECOND * used.at) * 1e6,
        rss=(resident - idle) / count,
        delay_p50=float(np.percentile(delays, 50)) if delays else None,
        delay_p99=float(np.percentile(delays, 99)) if delays else None,
        wrong=None if sink == "discard" else calls.wrong(),
        waited=used.waited / used.at,
    )


def _plugin(sink: str, address: str) -> SinkPlugin:
    context = SinkContext(sink, Path("unused"))
    if sink == "discard":
        return Discard(NoConfig(), context)
    options = {"endpoint": address, "insecure": True}
    return Transcript(TranscriptConfig(engine=sink, options=options), context)


def main() -> None:
    """Run one of the processes."""
    import uvloop

    sink, address, calls, seconds = sys.argv[1:]
    found = uvloop.run(_run(sink, address, int(calls), float(seconds)))
    keys = Transcribed.__dataclass_fields__
    sys.stdout.write(json.dumps({key: getattr(found, key) for key in keys}))


if __name__ == "__main__":
    main()

"""Calls into two sinks, of which one has an engine that is away: what the other notices of it.

`python -m benchmarks.away ENGINE ADDRESS CALLS SECONDS` feeds a fan-out as the server does, a block
of 100 ms at a time, and prints what came of it. ENGINE is `none` (the other sink is alone),
`healthy`, `dead` (nobody listens at its address) or `hanging` (it takes connections and no more).
"""

import asyncio
import gc
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

import numpy as np
from benchmarks.processes import Usage, resident_kib
from benchmarks.transcribing import (
    BLOCK,
    FRAMES_PER_SECOND,
    GAP,
    GROUP,
    RATE,
    REST,
    SETTLING,
    TOKEN,
    in_a_process,
    standing_in,
)

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Sink, SinkContext
from listen_sinks.buffered import Buffered, Limits
from listen_sinks.fanout import FanOut
from listen_sinks.testing import make_call, make_outcome
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.google.stand_in import spoken
from listen_sinks.transcript.plugin import Transcript

NONE, HEALTHY, DEAD, HANGING = ENGINES = ("none", "healthy", "dead", "hanging")
_LIMITS: Final = Limits(10.0, "drop_oldest", 30.0, 300.0)  # the server's defaults, but the end


@dataclass(frozen=True, slots=True)
class Beside:
    """What one run came to, for the sink beside the transcript."""

    engine: str
    calls: int
    cpu: float  # us per frame, of both sinks
    rss: float  # KiB per call, over idle
    delay_p50: float  # ms from when a block was due, to the other sink
    delay_p99: float
    lost: float  # frames that the other sink did not get
    waited: float  # share of the time in which it had work, and no core


def beside(engine: str, calls: int, seconds: int) -> Beside:
    """Run the engine's end and the calls, each in a process. Raises BenchError."""
    with _address(engine) as address:
        return Beside(**in_a_process("away", engine, address, calls, seconds))


@contextmanager
def _address(engine: str) -> Iterator[str]:
    """Give the address of an engine of this kind."""
    if engine == HEALTHY:
        with standing_in() as address:
            yield address
        return
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        if engine == DEAD:
            listener.close()
        yield address


class _Probe(Sink):
    """The other sink: takes what comes, and notes how late."""

    def __init__(self, delays: list[tuple[float, float]]) -> None:
        self._delays = delays
        self.due = 0.0  # when the next block is
        self.frames = 0

    async def start(self, call: Call) -> None:
        """Get ready."""

    async def audio(self, block: AudioBlock) -> None:
        """Take a block."""
        now = monotonic()
        self._delays.append((now, 1000 * (now - self.due)))
        self.due += BLOCK
        self.frames += block.shape[1]


class _Watcher:
    """Nobody."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


class _Calls:
    """All calls of one run."""

    def __init__(self, plugin: Transcript | None, calls: int, seconds: float) -> None:
        self._plugin = plugin
        self._seconds = seconds
        self._count = calls
        self._audio = spoken(
            range(int(seconds / (TOKEN + GAP))), RATE, gap=GAP, group=GROUP, rest=REST
        )
        self.delays: list[tuple[float, float]] = []
        self.given = self.taken = 0  # frames

    async def speak(self) -> None:
        """Let all speak, evenly spaced within a block's time."""
        start = monotonic()
        await asyncio.gather(
            *(self._speak(start + n * BLOCK / self._count) for n in range(self._count))
        )

    async def _speak(self, start: float) -> None:
        call = make_call(RATE)
        probe = _Probe(self.delays)
        sinks: list[tuple[str, Sink]] = [("probe", probe)]
        if self._plugin is not None:
            sinks.append(("transcript", self._plugin.sink(call)))
        buffered = [Buffered(name, sink, _LIMITS, _Watcher()) for name, sink in sinks]
        fan_out = FanOut(buffered)
        await fan_out.start(call)
        step = round(BLOCK * RATE)
        probe.due = start + BLOCK
        for number in range(int(self._seconds / BLOCK)):
            await asyncio.sleep(max(0.0, start + (number + 1) * BLOCK - monotonic()))
            block: AudioBlock = self._audio[:, number * step : (number + 1) * step].copy()
            self.given += block.shape[1]
            await fan_out.audio(block)
        await fan_out.finish(make_outcome(call, probe.frames))
        await buffered[0].wait()
        self.taken += probe.frames


async def _run(engine: str, address: str, count: int, seconds: float) -> Beside:
    settling = min(SETTLING, seconds)
    plugin = None if engine == NONE else _plugin(address)
    if plugin is not None:
        await plugin.open()
    gc.freeze()  # as the server does when it is up
    calls = _Calls(plugin, count, seconds + 2 * settling)
    pid = os.getpid()
    idle = await asyncio.to_thread(resident_kib, pid)
    speaking = asyncio.create_task(calls.speak())
    await asyncio.sleep(settling)
    before = await asyncio.to_thread(Usage.of, pid)
    await asyncio.sleep(seconds)
    used = (await asyncio.to_thread(Usage.of, pid)).since(before)
    resident = await asyncio.to_thread(resident_kib, pid)
    await speaking
    if plugin is not None:
        await plugin.close()
    span = (before.at, before.at + used.at)
    delays = [delay for at, delay in calls.delays if span[0] <= at < span[1]]
    p50, p99 = np.percentile(delays, [50, 99])
    return Beside(
        engine=engine,
        calls=count,
        cpu=used.cpu / (count * FRAMES_PER_SECOND * used.at) * 1e6,
        rss=(resident - idle) / count,
        delay_p50=float(p50),
        delay_p99=float(p99),
        lost=(calls.given - calls.taken) / (RATE / FRAMES_PER_SECOND),
        waited=used.waited / used.at,
    )


def _plugin(address: str) -> Transcript:
    config = TranscriptConfig(
        engine="google", options={"endpoint": address, "insecure": True}, close_timeout=0.0
    )
    return Transcript(config, SinkContext("transcript", Path("unused")))


def main() -> None:
    """Run the calls."""
    import logging

    import structlog
    import uvloop

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    engine, address, calls, seconds = sys.argv[1:]
    found = uvloop.run(_run(engine, address, int(calls), float(seconds)))
    keys = Beside.__dataclass_fields__
    sys.stdout.write(json.dumps({key: getattr(found, key) for key in keys}))


if __name__ == "__main__":
    main()

"""Calls to the engine `google` with the stand-in behind it, on a clock that runs fast."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from listen_codecs.formats import AudioBlock, AudioFormat, Mix
from listen_sinks.api import SinkContext
from listen_sinks.transcript.api import Engine, Result
from listen_sinks.transcript.google import Google, GoogleConfig
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import StandIn

UNHURRIED: dict[str, Any] = {"answer_timeout": 60.0, "patience": 300.0}
"""Options for a clock that runs fast: a busy machine is not a fault."""


@asynccontextmanager
async def standing_in(
    *, tls: grpc.ServerCredentials | None = None, **options: Any
) -> AsyncIterator[tuple[StandIn, str]]:
    """Run a stand-in; give it and its address."""
    stand_in = StandIn(**options)
    address = await stand_in.start(tls=tls)
    try:
        yield stand_in, address
    finally:
        await stand_in.stop()
        await _calls_over()


async def _calls_over() -> None:
    """Wait for gRPC's own tasks, on both sides: it waits for none of them when it stops.

    What they are told after their loop is closed makes an error in whichever loop comes next.
    """
    left = [task for task in asyncio.all_tasks() if _is_of_grpc(task)]
    if left:
        await asyncio.wait(left, timeout=10)


def _is_of_grpc(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "/grpc/" in code.co_filename


@asynccontextmanager
async def google(
    address: str, *, clock: Clock | None = None, **options: Any
) -> AsyncIterator[Google]:
    """Open the plugin towards an address, in plain text."""
    config = GoogleConfig(endpoint=address, insecure=True, **options)
    plugin = Google(config, SinkContext("transcript", Path("unused")), clock=clock)
    await plugin.open()
    try:
        yield plugin
    finally:
        await plugin.close()


class Listener:
    """An engine with somebody who reads its results."""

    def __init__(self, plugin: Google) -> None:
        self.clock = plugin.clock
        self.engine: Engine = plugin.engine()
        self.results: list[Result] = []
        self.news = asyncio.Event()

    async def open(self, sample_rate: int, mix: Mix = "mono", language: str = "en-US") -> None:
        await self.engine.open(AudioFormat(sample_rate, mix), language)
        self.reader = asyncio.create_task(self._read())

    async def say(self, audio: AudioBlock, sample_rate: int) -> None:
        """Feed audio as it would come in: 100 ms at a time, at the pace of the clock."""
        start = self.clock.now()
        for index, block in enumerate(blocks(audio, sample_rate // 10)):
            await self.engine.audio(block)
            await self.clock.sleep(start + (index + 1) * 0.1 - self.clock.now())

    async def hang_up(self) -> None:
        """Wait for the last words."""
        await self.engine.drain()
        await self.reader

    async def close(self) -> None:
        await self.engine.close()
        await asyncio.gather(self.reader, return_exceptions=True)

    def words(self, channel: int = 0) -> list[int]:
        """Return the tokens of all final results of a channel, in order."""
        return [
            int(word)
            for result in self.results
            if result.is_final and result.channel == channel
            for word in result.text.split()
            if word != "sound"
        ]

    async def _read(self) -> None:
        async for result in self.engine.results():
            self.results.append(result)
            self.news.set()


@asynccontextmanager
async def listening(
    plugin: Google, sample_rate: int = 8000, mix: Mix = "mono", language: str = "en-US"
) -> AsyncIterator[Listener]:
    """Open an engine; close it in the end."""
    listener = Listener(plugin)
    await listener.open(sample_rate, mix, language)
    try:
        yield listener
    finally:
        await listener.close()


def blocks(audio: AudioBlock, frames: int) -> Iterator[AudioBlock]:
    """Cut audio, shape (channels, frames), into blocks of at most so many frames."""
    for start in range(0, audio.shape[1], frames):
        yield audio[:, start : start + frames]


def silence(seconds: float, sample_rate: int = 8000, channels: int = 1) -> AudioBlock:
    """Return digital silence, shape (channels, frames)."""
    return np.zeros((channels, round(seconds * sample_rate)), np.int16)


def both(left: AudioBlock, right: AudioBlock) -> AudioBlock:
    """Return stereo of two mono blocks; the shorter one is silent at its end."""
    frames = max(left.shape[1], right.shape[1])
    audio = np.zeros((2, frames), np.int16)
    audio[0, : left.shape[1]] = left[0]
    audio[1, : right.shape[1]] = right[0]
    return audio

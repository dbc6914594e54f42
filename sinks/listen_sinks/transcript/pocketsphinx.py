"""The engine `pocketsphinx`: offline, English, its model in its wheel. Of poor quality, but free.

    stream -> 16 kHz -> voice activity -> stretches -> pool of processes -> words

It hears best what it hears as a whole: results come when a stretch of speech is over, none is
interim.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.resampling import Resampler
from listen_sinks.api import SinkContext
from listen_sinks.transcript.api import (
    Engine,
    EngineAway,
    EngineRefused,
    Result,
    TranscriberPlugin,
    Word,
)
from listen_sinks.transcript.pocketsphinx_options import PocketSphinxConfig
from listen_sinks.transcript.pool import Pool
from listen_sinks.transcript.stretches import RATE, Stretch, Stretches
from listen_sinks.transcript.voice import WINDOW, VoiceActivity

if find_spec("pocketsphinx") is None:
    raise ImportError("pocketsphinx is not installed")

STRICTNESS: Final = 1
"""Of the voice activity detector: what is no speech costs time, what is missed is lost."""

_WINDOW: Final = round(WINDOW * RATE)


class PocketSphinx(TranscriberPlugin):
    """Makes engines that share a pool."""

    Config = PocketSphinxConfig

    def __init__(self, config: PocketSphinxConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        self.pool = Pool(config.processes, config.queue_seconds)

    async def open(self) -> None:
        """Get the pool ready; its processes start with the first words."""
        await self.pool.open()

    def engine(self) -> Engine:
        """Make the engine of one stream."""
        return PocketSphinxEngine(self.pool)

    async def close(self) -> None:
        """End the processes."""
        await self.pool.close()


class _Work(NamedTuple):
    """A stretch in the pool."""

    channel: int
    task: asyncio.Task[list[Word]]


class PocketSphinxEngine(Engine):
    """Understands one stream, stretch by stretch."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._work: asyncio.Queue[_Work | None] = asyncio.Queue()
        self._waiting: deque[float] = deque()  # where the stretches begin that gave no result
        self._tasks: set[asyncio.Task[list[Word]]] = set()

    async def open(self, audio_format: AudioFormat, language: str) -> None:
        """Get ready. Raises EngineRefused for any language but English."""
        if not language.lower().startswith("en"):
            raise EngineRefused(f"pocketsphinx understands English (en-US), not {language}")
        channels = audio_format.channels
        self._resampler = Resampler(audio_format.sample_rate, RATE)
        self._voice = VoiceActivity(RATE, channels, strictness=STRICTNESS)
        self._rest = np.empty((channels, 0), np.int16)
        self._stretches = [Stretches() for _ in range(channels)]

    async def audio(self, block: AudioBlock) -> None:
        """Take samples, (channels, frames), int16; wait while too much waits for the pool."""
        await self._pool.room()
        self._take(self._resampler.feed(block))

    async def results(self) -> AsyncIterator[Result]:
        """Give what was understood, in order."""
        while (work := await self._work.get()) is not None:
            try:
                words = await work.task
            except EngineAway as away:
                away.covered = min(*self._waiting, *(one.start for one in self._stretches))
                raise
            self._waiting.popleft()
            if words:
                yield _result(work.channel, words)

    async def drain(self) -> None:
        """Wait for all that is in the pool."""
        self._take(self._resampler.flush())
        for channel, stretches in enumerate(self._stretches):
            for stretch in stretches.end():
                self._begin(channel, stretch)
        await asyncio.gather(*self._tasks, return_exceptions=True)  # `results` raises
        self._work.put_nowait(None)

    async def close(self) -> None:
        """Leave what nobody waits for any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, block: AudioBlock) -> None:
        audio = np.concatenate([self._rest, block], axis=1)
        whole = audio.shape[1] // _WINDOW * _WINDOW
        audio, self._rest = audio[:, :whole], audio[:, whole:]
        spoken = self._voice.feed(audio)
        for channel, stretches in enumerate(self._stretches):
            for stretch in stretches.feed(audio[channel], spoken[channel]):
                self._begin(channel, stretch)

    def _begin(self, channel: int, stretch: Stretch) -> None:
        task = asyncio.create_task(self._pool.understand(stretch), name="transcript: stretch")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._waiting.append(stretch.start)
        self._work.put_nowait(_Work(channel, task))


def _result(channel: int, words: list[Word]) -> Result:
    sure = [word.confidence for word in words if word.confidence is not None]
    return Result(
        text=" ".join(word.text for word in words),
        channel=channel,
        start=words[0].start,
        end=words[-1].end,
        is_final=True,
        confidence=sum(sure) / len(sure) if sure else None,
        words=tuple(words),
        language="en-US",
    )

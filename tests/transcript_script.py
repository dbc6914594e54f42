"""An engine that does what a test tells it.

It understands one word per 100 ms of audio: the number in the samples (see `spoken`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.api import SinkContext
from listen_sinks.transcript import engines
from listen_sinks.transcript.api import (
    ENTRY_POINT_GROUP,
    Engine,
    EngineAway,
    Result,
    TranscriberPlugin,
    Word,
)
from listen_sinks.transcript.plugin import Transcript

WORD = 0.1  # seconds


def spoken(audio_format: AudioFormat, first: int, count: int) -> AudioBlock:
    """Say the numbers from `first` on, in every channel."""
    frames = round(WORD * audio_format.sample_rate)
    numbers = np.repeat(np.arange(first, first + count, dtype=np.int16), frames)
    block = np.repeat(numbers[np.newaxis], audio_format.channels, axis=0)
    block.flags.writeable = False
    return block


@dataclass
class Script:
    """What engines do, in the order in which they are made; the last one goes on."""

    steps: list[str] = field(default_factory=list)
    made: list["ScriptedEngine"] = field(default_factory=list)
    every: float = 0.5  # seconds of audio per final result
    hang: asyncio.Event = field(default_factory=asyncio.Event)  # ends what hangs
    error: Callable[[], Exception] = lambda: EngineAway("connection lost")

    def engine(self) -> "ScriptedEngine":
        step = self.steps.pop(0) if self.steps else ""
        self.made.append(ScriptedEngine(self, step))
        return self.made[-1]


class ScriptedEngine(Engine):
    """`""`: works. `open`, `drain`: raises there. `after N`: raises when it had N seconds.
    `hang open`, `hang audio`, `hang drain`, `hang results`: never returns from there."""

    def __init__(self, script: Script, step: str) -> None:
        self._script = script
        self.step = step
        self.closed = False
        self.seconds = 0.0
        self._queue: asyncio.Queue[Result | Exception | None] = asyncio.Queue()

    async def open(self, audio_format: AudioFormat, language: str) -> None:
        await self._act("open")
        self.language = language
        self._format = audio_format
        self._audio = np.empty((audio_format.channels, 0), np.int16)
        self._done = 0

    async def audio(self, block: AudioBlock) -> None:
        await self._act("audio")
        self._audio = np.concatenate([self._audio, block], axis=1)
        self.seconds = self._audio.shape[1] / self._format.sample_rate
        if self.step.startswith("after") and self.seconds >= float(
            self.step.split()[1].rstrip(",")
        ):
            error = self._script.error()
            self._queue.put_nowait(error)
            raise error
        frames = round(self._script.every * self._format.sample_rate)
        while self._audio.shape[1] - self._done >= frames:
            self._say(self._done + frames)

    async def results(self) -> AsyncIterator[Result]:
        while (result := await self._queue.get()) is not None:
            if isinstance(result, Exception):
                raise result
            yield result
        await self._act("results")

    async def drain(self) -> None:
        await self._act("drain")
        self._say(self._audio.shape[1])
        self._queue.put_nowait(None)

    async def close(self) -> None:
        self.closed = True

    async def _act(self, method: str) -> None:
        if self.step == method:
            raise self._script.error()
        if self.step == f"hang {method}":
            await self._script.hang.wait()

    def _say(self, stop: int) -> None:
        rate = self._format.sample_rate
        frames = round(WORD * rate)
        for channel, samples in enumerate(self._audio):
            words = tuple(
                Word(str(samples[at]), at / rate, (at + frames) / rate, 0.9)
                for at in range(self._done, stop - frames + 1, frames)
            )
            if words:
                text = " ".join(word.text for word in words)
                self._queue.put_nowait(
                    Result(text, channel, self._done / rate, stop / rate, True, 0.9, words)  # noqa: FBT003
                )
        self._done = stop


class Scripted(TranscriberPlugin):
    """Makes engines by a script."""

    script: Script

    def engine(self) -> Engine:
        return self.script.engine()


def install(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    """Have an engine `scripted` among those that are installed."""
    entry = EntryPoint("scripted", "transcript_script:Scripted", ENTRY_POINT_GROUP)
    known = engines.installed_engines
    monkeypatch.setattr(engines, "installed_engines", lambda: {**known(), "scripted": entry})
    monkeypatch.setattr(Scripted, "script", script, raising=False)


def make_transcript(data_dir: Path, **config: Any) -> Transcript:
    """Make the plugin as the server would for `[sinks.transcript]`."""
    read = Transcript.Config.model_validate({"engine": "scripted", **config})
    return Transcript(read, SinkContext("transcript", data_dir))


@asynccontextmanager
async def transcribing(data_dir: Path, **config: Any) -> AsyncIterator[Transcript]:
    """Open the plugin for as long as the block lasts."""
    plugin = await asyncio.to_thread(partial(make_transcript, data_dir, **config))
    await plugin.open()
    try:
        yield plugin
    finally:
        await plugin.close()

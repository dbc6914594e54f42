"""One stream and its engine, or engines: when one breaks off, the next gets what had no result.

sink.py puts audio in and never waits; everything that waits is in `run`.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.transcript.api import Engine, EngineAway, EngineRefused, Result
from listen_sinks.transcript.attempts import attempt, broken, close
from listen_sinks.transcript.coverage import Coverage
from listen_sinks.transcript.kept import KeptAudio
from listen_sinks.transcript.source import Source
from listen_sinks.transcript.timeline import Timeline

log = structlog.get_logger(__name__)

FIRST_DELAY: Final = 0.25  # seconds
LONGEST_DELAY: Final = 30.0
_LAST: Final = 5.0  # seconds for results to end when the drain is over


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    opening: float = 30.0
    audio: float = 30.0  # one block
    drain: float = 120.0  # everything after the stream's end
    ring: float = 20.0  # of audio that is kept for another engine
    catch_up: float = 300.0  # of audio that it hears from a sink which keeps the stream
    away: float = float("inf")  # engines that break off, one after the other, and get nowhere


class Session:
    """Give a stream to an engine until its last word is said.

    `heard` gets every result, in seconds of the stream, final ones once; `missed` from when to
    when nothing was understood.
    """

    def __init__(
        self,
        make: Callable[[], Engine],
        audio_format: AudioFormat,
        language: str,
        *,
        heard: Callable[[Result], None],
        missed: Callable[[float, float], None],
        patience: Patience,
        kept: Callable[[], KeptAudio | None] = lambda: None,
    ) -> None:
        """Take who makes engines, and who can find audio that is too old for the ring."""
        self._make = make
        self._format = audio_format
        self._language = language
        self._heard = heard
        self._missed = missed
        self._patience = patience
        self._source = Source(
            audio_format, ring_seconds=patience.ring, catch_up=patience.catch_up, kept=kept
        )
        self._coverage = Coverage(audio_format.channels, audio_format.sample_rate)
        self._line: Timeline | None = None  # the clock of the engine of now
        self._taken = 0  # frames that it has by now
        self._wake = asyncio.Event()
        self._ended = False
        self._end_by = float("inf")  # on the monotonic clock
        self.breaks = 0
        """How often an engine broke off, or could not be reached."""
        self.left = ""
        """Why the last engine was not waited for any longer."""

    # what never waits

    def put(self, block: AudioBlock) -> None:
        """Take samples of shape (channels, frames), int16."""
        self._source.put(block)
        self._wake.set()

    def skip(self, seconds: float) -> None:
        """Leave out audio that never came; it is missed, if no sink has kept it."""
        self._source.skip(round(seconds * self._format.sample_rate))

    def end(self) -> None:
        """Say that no audio will come; the time for the last words begins."""
        self._ended = True
        self._end_by = time.monotonic() + self._patience.drain
        self._wake.set()

    @property
    def seconds(self) -> float:
        """How much of the stream has come."""
        return self._source.end / self._format.sample_rate

    @property
    def behind(self) -> float:
        """How much of it waits for the engine, in seconds."""
        return (self._source.end - self._taken) / self._format.sample_rate

    # everything else

    async def run(self) -> bool:
        """Return whether an engine has had the stream to its end; raises EngineRefused."""
        tries, since = 0, 0.0
        try:
            while True:
                before = self._coverage.progress
                try:
                    await self._with(self._made())
                except EngineAway as away:
                    self.breaks += 1
                    self._settle(away)
                    tries += 1
                    if tries == 1 or self._coverage.progress != before:
                        tries, since = 1, time.monotonic()
                    too_long = time.monotonic() - since > self._patience.away
                    if too_long or not await self._rest(tries, away):
                        self.left = str(away)
                        self._give_up()
                        return False
                else:
                    return True
        except BaseException:
            self._give_up()
            raise

    def _made(self) -> Engine:
        try:
            return self._make()
        except Exception as error:
            raise broken(error) from error

    async def _with(self, engine: Engine) -> None:
        """Let one engine have the stream, from where it is needed. Raises EngineAway."""
        try:
            await attempt("did not open", self._within(self._patience.opening), self._open(engine))
            line = self._line = self._begin()
            reading = asyncio.create_task(self._read(engine, line), name="transcript: read")
            feeding = asyncio.create_task(self._feed(engine, line), name="transcript: feed")
            try:
                await self._until_drained(engine, reading, feeding)
            except EngineAway as away:
                if away.covered is not None and not await _is_over(reading):
                    away.covered = None  # what it has said of that has not come
                raise
            finally:
                for task in (reading, feeding):
                    task.cancel()
                await asyncio.gather(reading, feeding, return_exceptions=True)
        except (EngineAway, EngineRefused):
            raise
        except Exception as error:  # an engine may raise anything
            raise broken(error) from error
        finally:
            await close(engine)

    def _within(self, seconds: float) -> float:
        return min(seconds, self._end_by - time.monotonic())

    async def _open(self, engine: Engine) -> None:
        await engine.open(self._format, self._language)

    def _begin(self) -> Timeline:
        """Find out where an engine is to begin."""
        self._coverage.begin()
        self._taken = self._coverage.start
        return Timeline(self._format.sample_rate, self._taken)

    async def _until_drained(
        self, engine: Engine, reading: asyncio.Task[None], feeding: asyncio.Task[None]
    ) -> None:
        await asyncio.wait({reading, feeding}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done() and not (feeding.done() and not feeding.exception()):
            reading.result()  # raises what went wrong
            if not feeding.done():
                raise EngineAway("it said its last word before the stream's end")
        feeding.result()
        left = self._end_by - time.monotonic()
        drained = asyncio.create_task(attempt("did not drain", left, engine.drain()))
        try:
            await asyncio.wait({reading, drained}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await drained
            await attempt("did not say its last word", _LAST, reading)
        finally:
            drained.cancel()
            await asyncio.gather(drained, return_exceptions=True)

    async def _feed(self, engine: Engine, line: Timeline) -> None:
        while True:
            self._wake.clear()
            while piece := await self._source.next(line.position, ended=self._ended):
                self._leave_out(line.position, piece.start)
                line.give(piece.start, piece.block.shape[1])
                taken = engine.audio(piece.block)
                await attempt("did not take audio", self._within(self._patience.audio), taken)
                self._taken = line.position
                self._coverage.give(line.position)
            if self._ended:
                self._leave_out(line.position, self._source.end)
                return
            await self._wake.wait()

    def _leave_out(self, start: int, stop: int) -> None:
        """Take note of frames that cannot be had any more."""
        start = max(start, self._coverage.needed)
        if stop > start:
            self._missed(start / self._format.sample_rate, stop / self._format.sample_rate)

    async def _read(self, engine: Engine, line: Timeline) -> None:
        async for result in engine.results():
            new = self._coverage.new(line.told(result))
            if new is None:
                continue
            self._heard(new)
            if new.is_final:
                self._coverage.cover(new)
                self._source.forget(min(self._coverage.start, line.position))

    def _settle(self, away: EngineAway) -> None:
        line, self._line = self._line, None
        if line is not None:  # else it did not even open
            self._coverage.settle(away, line)

    def _give_up(self) -> None:
        self._missed(self._coverage.end / self._format.sample_rate, self.seconds)

    async def _rest(self, tries: int, away: EngineAway) -> bool:
        """Wait before another try; False if there is no time for one."""
        if tries.bit_count() == 1:  # 1, 2, 4, 8, ...: seen, but no flood
            log.warning("the engine is away: trying again", why=str(away), tries=tries)
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries - 1, 20))
        delay *= random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come back at once
        end = time.monotonic() + delay
        while not self._ended and (left := end - time.monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)
        left = self._end_by - time.monotonic()
        if left <= 0:
            return False
        await asyncio.sleep(max(0.0, min(end - time.monotonic(), left)))
        return time.monotonic() < self._end_by


async def _is_over(reading: asyncio.Task[None]) -> bool:
    """Wait for the results that an engine gave before it broke off; return whether all came."""
    await asyncio.wait({reading}, timeout=_LAST)
    return reading.done()

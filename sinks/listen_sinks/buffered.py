"""A sink behind a queue and a task of its own: whatever it does, the audio path does not wait.

The queue is bounded in seconds of audio. A sink that raises, hangs or falls behind for too long
is finished as failed and left; nobody else notices.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Gap, Outcome, Sink, StreamEvent, WhenFull

MAX_QUEUED: Final = 10_000  # beyond this, events (keys pressed, marks) are not queued


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a sink may fall behind, and how long its methods may take."""

    queue_seconds: float
    when_full: WhenFull
    timeout: float  # seconds, for every method but finish
    finish_timeout: float  # seconds


class Watcher(Protocol):
    """Told what becomes of a sink, for metrics and logs."""

    def queued(self, sink: str, seconds: float) -> None:
        """Follow the queue, grown by so many seconds of audio, or shrunk if negative."""

    def lost(self, sink: str, seconds: float) -> None:
        """Count audio that a slow sink lost."""

    def failed(self, sink: str, stream_id: str, method: str, error: BaseException) -> None:
        """Take note of a sink that raised or took too long, and left the stream."""


class Buffered(Sink):
    """One sink, made safe. Every method returns at once; `wait` is for the very end."""

    def __init__(self, name: str, sink: Sink, limits: Limits, watcher: Watcher) -> None:
        self._name = name
        self._sink = sink
        self._limits = limits
        self._watcher = watcher
        self._queue: deque[tuple[AudioBlock | StreamEvent | Outcome, float]] = deque()
        self._wake = asyncio.Event()
        self._waiting = 0.0  # seconds of audio in the queue
        self._position = 0.0  # seconds of audio received so far, whatever became of it
        self._failure: str | None = None

    async def start(self, call: Call) -> None:
        """Begin the sink's own life in a task; what it needs to start is not waited for."""
        self._call = call
        self._task = asyncio.create_task(self._live(), name=f"sink {self._name}")

    async def audio(self, block: AudioBlock) -> None:
        """Queue a block, or make room for it as the policy says."""
        seconds = self._seconds(block)
        while self._waiting and self._waiting + seconds > self._limits.queue_seconds:
            if self._limits.when_full == "fail":
                self._fail("audio", TimeoutError("it fell too far behind"))
            else:
                self._drop_oldest()
        self._put(block)
        self._position += seconds

    async def event(self, event: StreamEvent, at: float) -> None:  # noqa: ARG002 - counted here
        """Queue an event behind the audio before it."""
        if len(self._queue) < MAX_QUEUED:
            self._put(event)

    async def finish(self, outcome: Outcome) -> None:
        """Queue the end: the sink reaches it when it has taken all before it."""
        self._outcome = outcome
        self._put(outcome)

    @property
    def fullness(self) -> float:
        """How full the queue is: 1 at its bound, more when one block is longer than that."""
        return self._waiting / self._limits.queue_seconds

    async def wait(self) -> None:
        """Wait until the sink has finished, failed or used up its time."""
        await asyncio.shield(self._task)

    def _put(self, item: AudioBlock | StreamEvent | Outcome) -> None:
        if self._failure is None:
            self._queue.append((item, self._position))
            self._count(item, 1)
            self._wake.set()

    def _seconds(self, block: AudioBlock) -> float:
        return self._call.format.seconds(block.shape[1])

    def _count(self, item: object, sign: int) -> float:
        """Keep the sum of what waits; return the seconds that this item is long."""
        if not isinstance(item, np.ndarray):
            return 0.0
        seconds = self._seconds(item)
        self._waiting = max(0.0, self._waiting + sign * seconds)
        self._watcher.queued(self._name, sign * seconds)
        return seconds

    def _drop_oldest(self) -> None:
        """Put a gap in the place of the oldest audio, or add it to the gap before."""
        index = next(i for i, (item, _) in enumerate(self._queue) if isinstance(item, np.ndarray))
        item, at = self._queue[index]
        seconds = self._count(item, -1)
        before = self._queue[index - 1][0] if index else None
        if isinstance(before, Gap) and before.reason == "sink too slow":
            gap = Gap(before.at, before.seconds + seconds, "sink too slow")
            del self._queue[index]
            self._queue[index - 1] = (gap, before.at)
        else:
            self._queue[index] = (Gap(at, seconds, "sink too slow"), at)
        self._watcher.lost(self._name, seconds)

    def _fail(self, method: str, error: Exception) -> None:
        if self._failure is None:
            self._failure = f"{method} took too long" if _is_late(error) else f"{method} raised"
            self._watcher.failed(self._name, self._call.stream_id, method, error)
        while self._queue:
            self._count(self._queue.popleft()[0], -1)
        self._wake.set()

    async def _live(self) -> None:
        if not await self._try("start", self._sink.start(self._call), self._limits.timeout):
            return
        outcome = await self._feed()
        await self._try("finish", self._sink.finish(outcome), self._limits.finish_timeout)

    async def _feed(self) -> Outcome:
        """Hand on what comes until the end or a failure; return how it ended for this sink."""
        while self._failure is None:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
                if self._failure is not None:
                    return self._failed_outcome()
            item, at = self._queue.popleft()
            self._count(item, -1)
            if isinstance(item, Outcome):
                return item
            if isinstance(item, np.ndarray):
                await self._try("audio", self._sink.audio(item), self._limits.timeout)
            else:
                await self._try("event", self._sink.event(item, at), self._limits.timeout)
        return self._failed_outcome()

    async def _try(self, method: str, work: Awaitable[None], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await work
        except Exception as error:  # noqa: BLE001 - a sink may raise anything; only it is to suffer
            self._fail(method, error)
            return False
        return True

    def _failed_outcome(self) -> Outcome:
        return Outcome(
            state="failed",
            reason=self._failure or "failed",
            ended_at=datetime.now(UTC),
            frames=round(self._position * self._call.format.sample_rate),
            seconds=self._position,
        )


def _is_late(error: Exception) -> bool:
    return isinstance(error, TimeoutError)

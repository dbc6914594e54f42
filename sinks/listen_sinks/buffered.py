"""A sink behind a queue and a task of its own: whatever it does, the audio path does not wait.

The queue is bounded in seconds of audio. A sink that raises, hangs or falls behind for too long
is finished as failed and left; nobody else notices. A sink that has nothing left to do takes a
block at once, without the queue; if it waits then, its task goes on with it (first_step.py).
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import CoroutineType
from typing import Any, Final, Protocol, TypeAlias

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Gap, Outcome, Sink, SinkError, StreamEvent, WhenFull
from listen_sinks.first_step import Begun, go_on, take_first_step

MAX_QUEUED: Final = 10_000  # blocks and events; the shortest block has one sample
MAX_EVENTS: Final = 1000  # that wait (keys pressed, marks); further ones are not queued
_GRACE: Final = 5.0  # seconds for a sink that is cancelled to notice

_Item: TypeAlias = AudioBlock | StreamEvent | Outcome


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a sink may fall behind, and how long its methods may take."""

    queue_seconds: float
    when_full: WhenFull
    timeout: float  # seconds, for every method but finish
    finish_timeout: float  # seconds; after the stream's end, its queue gets as many


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
        self._queue: deque[tuple[_Item, int]] = deque()  # each with the frames before it
        self._wake = asyncio.Event()
        self._received = 0  # frames so far, whatever became of them
        self._waiting = 0  # frames in the queue
        self._events = 0  # in the queue
        self._idle = False  # started, nothing queued, no method under way
        self._begun: Begun | None = None  # a block that the sink has begun to take
        self._failure: str | None = None
        self._drain_by: float | None = None  # on the loop's clock

    async def start(self, call: Call) -> None:
        """Begin the sink's own life in a task; what it needs to start is not waited for."""
        self._call = call
        self._room = self._limits.queue_seconds * call.format.sample_rate  # frames
        self._context = contextvars.copy_context()
        self._task = asyncio.create_task(
            self._live(), name=f"sink {self._name}", context=self._context
        )

    async def audio(self, block: AudioBlock) -> None:
        """Do what `put` does."""
        self.put(block)

    async def event(self, event: StreamEvent, at: float) -> None:  # noqa: ARG002 - counted here
        """Do what `put_event` does."""
        self.put_event(event)

    def put(self, block: AudioBlock) -> None:
        """Give a block to an idle sink; else queue it, or make room for it as the policy says."""
        frames = block.shape[1]
        if self._idle:
            self._received += frames
            self._give(block)
            return
        while self._waiting and self._is_full(frames):
            if self._limits.when_full == "fail":
                self._fail("audio", SinkError("it fell too far behind"), "fell too far behind")
            else:
                self._drop_oldest()
        self._put(block)
        self._received += frames

    def put_event(self, event: StreamEvent) -> None:
        """Queue an event behind the audio before it."""
        if self._events < MAX_EVENTS:
            self._put(event)

    async def finish(self, outcome: Outcome) -> None:
        """Queue the end: the sink reaches it when it has taken all before it."""
        self._drain_by = asyncio.get_running_loop().time() + self._limits.finish_timeout
        self._put(outcome)

    @property
    def fullness(self) -> float:
        """How full the queue is: 1 at its bound, more when one block is longer than that."""
        return self._waiting / self._room

    def has_room(self, frames: int) -> bool:
        """Tell whether so many more would cost nothing that waits; with nothing waiting, any do."""
        return not self._waiting or not self._is_full(frames)

    async def wait(self) -> None:
        """Wait until the sink has finished, failed or used up its time."""
        longest = 2 * self._limits.finish_timeout + self._limits.timeout + _GRACE
        ended, _ = await asyncio.wait({self._task}, timeout=longest)
        if not ended:  # it does not even notice that it is cancelled: it is left behind
            self._fail("finish", TimeoutError(), "finish took too long")
            self._task.cancel()

    # the queue

    def _is_full(self, frames: int) -> bool:
        return self._waiting + frames > self._room or len(self._queue) >= MAX_QUEUED

    def _put(self, item: _Item) -> None:
        if self._failure is None:
            self._queue.append((item, self._received))
            self._count(item, 1)
            self._rouse()

    def _take(self) -> tuple[_Item, int]:
        item, before = self._queue.popleft()
        self._count(item, -1)
        return item, before

    def _count(self, item: _Item, sign: int) -> None:
        if isinstance(item, np.ndarray):
            self._waiting += sign * item.shape[1]
            self._watcher.queued(self._name, sign * self._seconds(item.shape[1]))
        elif not isinstance(item, Gap):  # those replace audio
            self._events += sign

    def _seconds(self, frames: int) -> float:
        return self._call.format.seconds(frames)

    def _drop_oldest(self) -> None:
        """Put a gap in the place of the oldest audio, or add it to the gap before."""
        index, block, before = next(
            (index, item, before)
            for index, (item, before) in enumerate(self._queue)
            if isinstance(item, np.ndarray)
        )
        self._count(block, -1)
        seconds = self._seconds(block.shape[1])
        last = self._queue[index - 1][0] if index else None
        if isinstance(last, Gap) and last.reason == "sink too slow":
            longer = Gap(last.at, last.seconds + seconds, "sink too slow")
            self._queue[index - 1] = (longer, self._queue[index - 1][1])
            del self._queue[index]
        else:
            self._queue[index] = (Gap(self._seconds(before), seconds, "sink too slow"), before)
        self._watcher.lost(self._name, seconds)

    def _fail(self, method: str, error: BaseException, how: str) -> None:
        if self._failure is None:
            self._failure = how
            self._watcher.failed(self._name, self._call.stream_id, method, error)
        while self._queue:
            self._take()
        self._rouse()

    def _rouse(self) -> None:
        self._idle = False
        self._wake.set()

    # the sink's own life

    def _give(self, block: AudioBlock) -> None:
        """Have the sink take a block here and now, as far as it gets without waiting."""
        self._idle = False
        try:
            taking = self._sink.audio(block)
            if type(taking) is not CoroutineType:  # something else to await, or a mistake
                taking = _awaited(taking)
            self._begun = take_first_step(taking, self._task, self._context)
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - see _try
            self._fail("audio", error, "audio raised")
        if self._begun is not None:
            self._rouse()
        self._idle = not self._wake.is_set()

    async def _live(self) -> None:
        if await self._try("start", self._sink.start, self._call):
            outcome = await self._feed()
            await self._try("finish", self._sink.finish, outcome)

    async def _feed(self) -> Outcome:
        """Hand on what comes until the end or a failure; return how it ended for this sink."""
        while self._failure is None or self._begun is not None:
            if self._begun is not None:
                await self._go_on()
                continue
            if not self._queue:
                await self._rest()
                continue
            item, before = self._take()
            if isinstance(item, Outcome):
                return item
            if self._drain_by is not None and asyncio.get_running_loop().time() > self._drain_by:
                self._fail("audio", TimeoutError(), "its queue took too long")
            elif isinstance(item, np.ndarray):
                await self._try("audio", self._sink.audio, item)
            else:
                await self._try("event", self._sink.event, item, self._seconds(before))
        return Outcome(
            state="failed",
            reason=self._failure,
            ended_at=datetime.now(UTC),
            frames=self._received,
            seconds=self._seconds(self._received),
        )

    async def _rest(self) -> None:
        """Wait for something to do; meanwhile blocks go to the sink at once."""
        self._wake.clear()
        self._idle = True
        try:
            await self._wake.wait()
        except asyncio.CancelledError as error:
            if self._begun is None:
                raise
            await self._go_on(error)
        finally:
            self._idle = False

    async def _go_on(self, error: BaseException | None = None) -> None:
        """Let the sink finish a block that it has begun to take, or tell it of an error."""
        assert self._begun is not None  # noqa: S101 - both callers have looked
        begun, self._begun = self._begun, None
        await self._try("audio", go_on, begun, error)

    async def _try(self, method: str, act: Callable[..., Awaitable[None]], *given: Any) -> bool:
        """Let the sink act for as long as it may. It may raise anything: only it is to suffer."""
        ending = method == "finish"
        limit = asyncio.timeout(self._limits.finish_timeout if ending else self._limits.timeout)
        try:
            async with limit:
                await act(*given)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if self._task.cancelling():
                raise
            late = f"{method} took too long" if limit.expired() else f"{method} raised"
            self._fail(method, error, late)
            return False
        return True


async def _awaited(anything: Awaitable[None]) -> None:
    await anything

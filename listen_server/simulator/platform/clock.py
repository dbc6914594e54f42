"""The time of a simulated call: it jumps from event to event, or runs as fast as a person wants.

session.py and its verbs wait here, stream.py has its audio sent as time passes. While the
application is asked, time stands still, unless it is real time.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

Watcher: TypeAlias = Callable[[float], Awaitable[None]]
_STEPS: Final = 40  # turns of the event loop in which whoever can go on has gone on
_SLICE: Final = 0.02  # seconds of real time between two looks
_AUDIO: Final = 0.5  # seconds of audio that are sent at once while time jumps
_HEARD: Final = 0.002  # seconds of real time for what the server of a stream says


class Clock:
    """Seconds since the call began. `run` drives it, in a task of its own.

    `speed` is times real time; 0 jumps. A clock that jumps gives the application `grace`
    seconds of real time before each jump, for what it says unasked.
    """

    def __init__(self, speed: float = 0.0, *, grace: float = 0.0) -> None:
        self.now = 0.0
        self.grace = grace
        self._speed = speed
        self._timers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._watchers: list[Watcher] = []
        self._holds = 0
        self._free = asyncio.Event()
        self._free.set()
        self._set = asyncio.Event()
        self._real = 0.0

    def at(self, moment: float) -> asyncio.Future[None]:
        """Return a future that is done at a moment; cancel it if nobody waits any more."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._timers, (max(moment, self.now), next(self._numbers), future))
        self._set.set()
        return future

    def after(self, seconds: float) -> asyncio.Future[None]:
        """Return a future that is done after so many seconds."""
        return self.at(self.now + seconds)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no time pass, because something real is waited for."""
        self.hold()
        try:
            yield
        finally:
            self.release()

    def hold(self) -> None:
        """Begin what `held` does."""
        self._holds += 1
        self._free.clear()
        self._set.set()

    def release(self) -> None:
        """End it."""
        self._holds -= 1
        if not self._holds:
            self._free.set()

    @property
    def is_real(self) -> bool:
        """Whether its seconds are those of everybody else."""
        return self._speed == 1

    def real(self, seconds: float) -> float:
        """Return how long a wait of jambonz's own machinery takes: short, but in real time."""
        return seconds if self.is_real else seconds / 50

    def watch(self, watcher: Watcher) -> None:
        """Have somebody told how far time is, again and again."""
        self._watchers.append(watcher)
        self._set.set()

    def unwatch(self, watcher: Watcher) -> None:
        """Stop that."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    async def run(self) -> None:
        """Let time pass until cancelled."""
        self._real = asyncio.get_running_loop().time()
        while True:
            await self._settle()
            due = self._due()
            if due is None and not self._speed:
                self._set.clear()
                await self._set.wait()
                continue
            await self._pass(due)
            for watcher in tuple(self._watchers):
                await watcher(self.now)
            self._fire()

    async def _settle(self) -> None:
        """Wait until everybody who can go on without time has gone on."""
        while True:
            self._set.clear()
            for _ in range(_STEPS):
                await asyncio.sleep(0)
            if self._holds and not self.is_real:
                await self._free.wait()
                self._real = asyncio.get_running_loop().time()
                continue
            pause = self.grace or (_HEARD if self._watchers else 0.0)
            if self._speed or not pause:
                return
            await asyncio.sleep(pause)
            if not self._set.is_set() and not self._holds:
                return

    def _due(self) -> float | None:
        while self._timers and self._timers[0][2].done():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def _pass(self, due: float | None) -> None:
        until = self.now + (_SLICE * self._speed if self._speed else _AUDIO)
        if due is not None and (due < until or not (self._speed or self._watchers)):
            until = due
        if self._speed:
            loop = asyncio.get_running_loop()
            self._real += (until - self.now) / self._speed
            await asyncio.sleep(max(0.0, self._real - loop.time()))
        self.now = until

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= self.now:
            future = heapq.heappop(self._timers)[2]
            if not future.done():
                future.set_result(None)
                if not self._speed:
                    return  # each moment has its consequences before the next

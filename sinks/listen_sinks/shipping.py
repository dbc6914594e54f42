"""Things that must get somewhere, however often it takes: a few at a time, each until it is there.

What is shipped, and where to, is said by who makes one: voicemail/ship.py, recording/.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

FIRST_DELAY: Final = 0.5  # seconds
LONGEST_DELAY: Final = 60.0  # seconds
_HURRY: Final = 1.0  # seconds between tries when there is not much time left

_T = TypeVar("_T")


class Shipping(Generic[_T]):
    """A queue of things to ship. `ship` may raise anything: the thing comes up again, later."""

    def __init__(self, ship: Callable[[_T], Awaitable[None]], what: str, *, at_once: int) -> None:
        self._ship = ship
        self._what = what  # for the log
        self._at_once = at_once
        self._queue: asyncio.Queue[_T] = asyncio.Queue()
        self._failed_in_a_row = 0
        self._hurry = asyncio.Event()
        self._left: dict[int, _T] = {}
        self.shipped = 0
        self.failures = 0

    @property
    def waiting(self) -> int:
        """Return how many things are not there yet."""
        return len(self._left)

    def left(self) -> list[_T]:
        """Return the things that are not there yet."""
        return list(self._left.values())

    def start(self) -> None:
        """Begin to ship."""
        self._workers = [
            asyncio.create_task(self._work(), name=f"ship {self._what}")
            for _ in range(self._at_once)
        ]

    def add(self, things: Iterable[_T]) -> None:
        """Ship these too."""
        for thing in things:
            self._left[id(thing)] = thing
            self._queue.put_nowait(thing)

    async def close(self, patience: float) -> None:
        """Ship what can be shipped in so many seconds; what is left stays where it is."""
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), patience)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self.waiting:
            log.warning("left for the next start", what=self._what, waiting=self.waiting)

    async def _work(self) -> None:
        while True:
            thing = await self._queue.get()
            try:
                await self._ship(thing)
            except Exception as error:  # noqa: BLE001 - it stays, whatever it is
                self._queue.put_nowait(thing)
                self._failed(error)
                await self._rest()
            else:
                self._succeeded(thing)
            finally:
                self._queue.task_done()

    def _succeeded(self, thing: _T) -> None:
        self._left.pop(id(thing), None)
        self.shipped += 1
        if self._failed_in_a_row:
            self._failed_in_a_row = 0
            log.info("shipping again", what=self._what, waiting=self.waiting)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row.bit_count() == 1:  # 1, 2, 4, 8, ...: seen, but no flood
            log.warning(
                "cannot be shipped: trying again",
                what=self._what,
                error=f"{type(error).__name__}: {error}",
                tries=self._failed_in_a_row,
                waiting=self.waiting,
            )

    async def _rest(self) -> None:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._failed_in_a_row - 1, 20))
        delay *= random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come back at once
        if self._hurry.is_set():
            await asyncio.sleep(min(delay, _HURRY))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), delay)

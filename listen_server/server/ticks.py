"""One timer for many connections: what falls into the same hundredth of a second is done at once.

websocket.py reads with it. A timer of each connection's own would wake the loop for each.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

GRID: Final = 0.01  # seconds

_of_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, Ticks]" = WeakKeyDictionary()


class Ticks:
    """Calls back on a grid of one event loop's clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._turns: dict[int, list[Callable[[], None]]] = {}

    def call_in(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` in so many seconds, or up to a hundredth sooner."""
        turn = int((self._loop.time() + seconds) / GRID)
        acts = self._turns.get(turn)
        if acts is None:
            self._turns[turn] = [act]
            self._loop.call_at(turn * GRID, self._turn, turn)
        else:
            acts.append(act)

    def wait(self, seconds: float) -> "asyncio.Future[None]":
        """Return what is done in so many seconds, or up to a hundredth sooner."""
        done: asyncio.Future[None] = self._loop.create_future()
        self.call_in(seconds, partial(_finish, done))
        return done

    def _turn(self, turn: int) -> None:
        for act in self._turns.pop(turn):
            try:
                act()
            except Exception as error:  # noqa: BLE001 - the others of this turn go on
                report = {"message": "a tick failed", "exception": error}
                self._loop.call_exception_handler(report)


def _finish(done: "asyncio.Future[None]") -> None:
    if not done.cancelled():
        done.set_result(None)


def ticks_of(loop: asyncio.AbstractEventLoop) -> Ticks:
    """Return the one that all connections of a loop share."""
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Ticks(loop)
    return found

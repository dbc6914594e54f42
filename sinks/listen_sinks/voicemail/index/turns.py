"""Whose turn it is to write, where only one can; and who is inside, for who wants to close.

database.py has both.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from listen_sinks.voicemail.index.errors import IndexAway


class Turns:
    """Lets one after the other, in the order they came.

    SQLite would let them jostle for its lock. Nobody waits for each in front to find out that the
    database is away: when one has, all who wait then are told.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._failures = 0

    @asynccontextmanager
    async def mine(self) -> AsyncIterator[None]:
        """Wait for the turn, and have it. Raises IndexAway, also if another has found that out."""
        failures = self._failures
        async with self._turn:
            if failures != self._failures:
                raise IndexAway("the index was found away while others waited for their turn")
            try:
                yield
            except IndexAway:
                self._failures += 1
                raise


class Visitors:
    """Counts who is inside. Who closes waits for them, and lets nobody in meanwhile.

    SQLAlchemy forgets connections that are in use when it lets go of the others; nobody would
    ever close them.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._empty, self._open = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._open.set()

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        """Be inside."""
        await self._open.wait()
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def nobody_inside(self, patience: float) -> AsyncIterator[None]:
        """Wait until nobody is, for so many seconds at most."""
        self._open.clear()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), patience)
            yield
        finally:
            self._open.set()

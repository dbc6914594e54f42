"""Whose turn it is to write, where only one can. database.py has one for SQLite."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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

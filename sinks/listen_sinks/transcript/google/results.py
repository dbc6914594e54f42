"""Results on their way to who reads them: final ones wait for room, interim ones do not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from listen_sinks.transcript.api import Result

_ROOM: Final = 256
_INTERIM: Final = 8
"""Results that may wait; beyond them interim ones are left out, for a newer one will come."""


class Results:
    """A bounded queue with an end."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Result | None] = asyncio.Queue(_ROOM)
        self._ended = False

    async def put(self, result: Result) -> None:
        """Add a result; wait while there is no room for a final one."""
        if result.is_final or self._queue.qsize() < _INTERIM:
            await self._queue.put(result)

    def end(self) -> None:
        """Let the reader stop after what is there."""
        self._ended = True
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Result]:
        """Give results until the end."""
        while not (self._ended and self._queue.empty()):
            result = await self._queue.get()
            if result is not None:
                yield result

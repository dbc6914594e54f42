"""Reading a websocket once per tick instead of once per frame, on any ASGI server.

The cost of a frame is the wake-up, not its bytes. So when `receive()` has nothing, it is left
waiting, we sleep until the tick, and only then let it go on: a server with back-pressure stops
reading after its first unread message, so frames gather in the kernel and come in one read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any, Final, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
MAX_BATCH: Final = 256  # messages; a flood of tiny frames must not keep the loop


class ThrottledReceive:
    """`receive` of one connection, in batches. Cancelling a batch loses no message."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], tick: float) -> None:
        self._receive = receive
        self._tick = tick  # seconds
        self._waiting: Generator[Any, Any, Message] | None = None
        self._future: Any = None  # what the waiting receive() waits for

    async def batch(self) -> list[Message]:
        """Return what has come, in order: at least one message, a disconnect only as the last."""
        batch = [await self]
        while len(batch) < MAX_BATCH and batch[-1]["type"] != "websocket.disconnect":
            message = self._poll()
            if message is None:
                break
            batch.append(message)
        return batch

    def close(self) -> None:
        """Give up a receive() that still waits."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None

    def __await__(self) -> Generator[Any, Any, Message]:
        """Return the next message; if there is none yet, not before the tick."""
        if (message := self._poll()) is not None:
            return message
        yield from asyncio.sleep(self._tick).__await__()
        waiting, self._waiting = self._waiting, None
        assert waiting is not None  # noqa: S101 - the poll left it
        return (yield from _go_on(self._future, waiting))

    def _poll(self) -> Message | None:
        """Take a message that is already there; else leave receive() waiting."""
        if self._waiting is not None:
            return None
        waiting = self._receive().__await__()
        try:
            self._future = next(waiting)
        except StopIteration as done:
            message: Message = done.value
            return message
        self._waiting = waiting
        return None


def _go_on(future: Any, waiting: Generator[Any, Any, Message]) -> Generator[Any, Any, Message]:
    """Wait for what a receive() left waiting waits for, then let it finish."""
    try:
        yield future
    except BaseException as error:
        waiting.throw(error)  # as if it had been awaited plainly: it may have to clean up
        raise
    return (yield from waiting)

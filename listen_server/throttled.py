"""Reading a websocket once per tick instead of once per frame, on any ASGI server.

The cost of a frame is the wake-up, not its bytes. So when `receive()` has nothing, it is left
waiting, we sleep until the tick, and only then let it go on: a server with back-pressure stops
reading after its first unread message, so frames gather in the kernel and come in one read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from types import CoroutineType
from typing import Any, Final, TypeAlias

from listen_server.server.ticks import ticks_of

Message: TypeAlias = MutableMapping[str, Any]
MAX_BATCH: Final = 256  # messages; a flood of tiny frames must not keep the loop


class ThrottledReceive:
    """`receive` of one connection, in batches. Cancelling a batch loses no message."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], tick: float) -> None:
        self._receive = receive
        self._tick = tick  # seconds
        self._ticks = ticks_of(asyncio.get_running_loop())
        self._waiting: Coroutine[Any, Any, Message] | None = None
        self._future: Any = None  # what the waiting receive() waits for
        self._flooded = False
        self._error: Exception | None = None  # of a receive() behind messages that came

    async def batch(self) -> list[Message]:
        """Return what has come, in order: at least one message, a disconnect only as the last.

        What `receive` raises is raised here, after the messages before it.
        """
        if self._flooded:
            await asyncio.sleep(0)  # the others' turn, before anything is taken
        batch = [await self]
        while batch[-1]["type"] != "websocket.disconnect" and len(batch) < MAX_BATCH:
            try:
                message = self._poll()
            except Exception as error:  # noqa: BLE001 - raised next time: the batch goes first
                self._error = error
                break
            if message is None:
                break
            batch.append(message)
        self._flooded = len(batch) == MAX_BATCH
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
        yield from self._ticks.wait(self._tick)
        waiting, self._waiting = self._waiting, None
        assert waiting is not None  # noqa: S101 - the poll left it
        return (yield from _go_on(self._future, waiting))

    def _poll(self) -> Message | None:
        """Take a message that is already there; else leave receive() waiting."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._waiting is not None:
            return None
        waiting = self._receive()
        if type(waiting) is not CoroutineType:  # something else to await, as ASGI allows
            waiting = _one(waiting)
        try:
            self._future = waiting.send(None)
        except StopIteration as done:
            message: Message = done.value
            return message
        self._waiting = waiting
        return None


class PacedReceive:
    """The same for a server that reads once per tick by itself, as ours does."""

    def __init__(self, receive: Callable[[], Awaitable[Message]]) -> None:
        self._receive = receive
        self._in_a_row = 0

    async def batch(self) -> list[Message]:
        """Return the next message."""
        self._in_a_row += 1
        if self._in_a_row > MAX_BATCH:
            self._in_a_row = 0
            await asyncio.sleep(0)  # the others' turn: a receive() that has one does not wait
        return [await self._receive()]

    def close(self) -> None:
        """Leave nothing waiting."""


async def _one(waiting: Awaitable[Message]) -> Message:
    """Be a coroutine, which can be left and gone on with."""
    return await waiting


def _go_on(future: Any, waiting: Coroutine[Any, Any, Message]) -> Generator[Any, Any, Message]:
    """Do what `await waiting` does, from the middle: after it has asked to wait for a future.

    What is thrown in (a cancellation) reaches it: it may clean up, wait for more, or return.
    """
    try:
        while True:
            try:
                value = yield future
            except BaseException as error:  # noqa: BLE001 - the one that waits decides about it
                future = waiting.throw(error)
            else:
                future = waiting.send(value)
    except StopIteration as done:
        message: Message = done.value
        return message

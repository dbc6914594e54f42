"""A network that fails: connections to the stand-in go through here, and can be cut."""

import asyncio
import contextlib
from typing import Final

_PIECE: Final = 65536  # bytes


class Relay:
    """Passes TCP connections on to an address, until they are cut."""

    def __init__(self, target: str) -> None:
        """Take host and port."""
        self._host, _, self._port = target.rpartition(":")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen on loopback; return host and port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> int:
        """Reset every connection there is; return how many."""
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection(self._host, int(self._port))
            self._writers |= {writer, forth}
            try:
                await asyncio.gather(_pass(reader, forth), _pass(back, writer))
            finally:
                self._writers -= {writer, forth}
                writer.transport.abort()
                forth.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()

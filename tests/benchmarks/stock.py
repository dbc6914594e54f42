"""uvicorn as it comes, and the least application on it: what the server is compared with.

`python -m benchmarks.stock DIR` prints its port, and leaves its measurements in DIR at SIGTERM.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import uvicorn
from benchmarks.meter import Meter

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Application:
    """Awaits every frame by itself, counts its bytes and forgets it."""

    def __init__(self, port: int, directory: Path) -> None:
        self._port = port
        self._directory = directory
        self._meter = Meter()
        self._received = 0  # bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._listen(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        watching = asyncio.create_task(self._meter.watch_loop())
        await send({"type": "lifespan.startup.complete"})
        sys.stdout.write(f"{self._port}\n")
        sys.stdout.flush()
        await receive()
        watching.cancel()
        await asyncio.to_thread(self._meter.save, self._directory, self._received)
        await send({"type": "lifespan.shutdown.complete"})

    async def _listen(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "audio.jambonz.org"})
        metadata = json.loads((await receive())["text"])
        channels = 2 if metadata["mixType"] == "stereo" else 1
        follower = self._meter.follow(metadata)
        while (message := await receive())["type"] == "websocket.receive":
            data = message["bytes"]
            self._received += len(data)
            if follower is not None:
                follower.take(np.frombuffer(data, "<i2").reshape(-1, channels).T)


def main() -> None:
    """Serve until SIGTERM."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    application = Application(listener.getsockname()[1], Path(sys.argv[1]))
    config = uvicorn.Config(
        application, loop="uvloop", ws="websockets-sansio", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

"""Small ASGI applications to serve, and a peer of bare bytes."""

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self, TypeAlias

from server.wire import BINARY, frame

from listen_server.server.drain import Drain

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Calls:
    """Count the bytes of each call; `drain` decides whether there is a next one."""

    def __init__(self, drain: Drain | None = None) -> None:
        self.drain = drain or Drain()
        self.drain.live = lambda: self.live
        self.live = 0
        self.ended: list[tuple[int, int]] = []  # bytes, close code
        self.phases: list[str] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await answer(send, 200, str(self.drain.state).encode())
        elif self.drain.accepting:
            await self._call(receive, send)
        else:
            start = {"type": "websocket.http.response.start", "status": 503}
            await receive()
            await send({**start, "headers": [(b"retry-after", b"5")]})
            await send({"type": "websocket.http.response.body", "body": b"draining\n"})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        for _ in range(2):
            phase = (await receive())["type"]
            self.phases.append(phase)
            await send({"type": f"{phase}.complete"})

    async def _call(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "listen_server": {"joined_binary": True}})
        self.live += 1
        heard = 0
        while (message := await receive())["type"] != "websocket.disconnect":
            heard += len(message.get("bytes") or b"")
            if message.get("text") == "how much?":
                await send({"type": "websocket.send", "text": str(heard)})
        self.live -= 1
        self.ended.append((heard, message["code"]))
        self.call_ended(heard, message["code"])

    def call_ended(self, heard: int, code: int) -> None:
        """Be told of an end."""


async def admin(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await answer(send, 200, b"admin")


async def answer(send: Send, status: int, body: bytes) -> None:
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": length})
    await send({"type": "http.response.body", "body": body})


class Peer:
    """A client that says exactly the bytes that it is given."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, **options: Any) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port, **options))

    @classmethod
    async def call(cls, port: int, **options: Any) -> Self:
        """Connect and go through the handshake."""
        peer = await cls.connect(port, **options)
        key = base64.b64encode(os.urandom(16)).decode()
        peer.send(
            f"GET /listen HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await peer.reader.readuntil(b"\r\n\r\n")
        return peer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def say(self, audio: bytes) -> None:
        self.send(frame(BINARY, audio))

    async def frame(self) -> tuple[int, bytes]:
        """Read a short frame: opcode and payload."""
        first, size = await self.reader.readexactly(2)
        return first & 0x0F, await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """Read until the server hangs up."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

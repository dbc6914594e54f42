"""Both ends of a websocket without a network: frames as bytes, a transport that remembers."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.speedups import apply_mask

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
HEAD = (
    b"GET /listen HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ASKS = {"joined_binary": True, "lenient_text": True}


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x23\x45\x67",
    announced: int | None = None,
) -> bytes:
    """Make a frame (RFC 6455, section 5.2), a wrong one if so asked."""
    size = len(payload) if announced is None else announced
    masked = 0 if mask is None else 0x80
    if size < 126:
        length = bytes([masked | size])
    elif size < 65536:
        length = bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([masked | 127]) + size.to_bytes(8, "big")
    body = payload if mask is None else mask + apply_mask(payload, mask)
    return bytes([fin << 7 | rsv << 4 | opcode]) + length + body


def close(code: int = 1000, reason: str = "") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())


class Wire(asyncio.Transport):
    """A transport that keeps what is written and honours a pause."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = asyncio.Event()
        self.reading.set()
        self.aborted = asyncio.Event()
        self._closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reading.clear()

    def resume_reading(self) -> None:
        self.reading.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self.reading.set()

    def abort(self) -> None:
        self.close()
        self.aborted.set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default


@dataclass
class Heard:
    """What the application got and what the peer got, after the handshake."""

    messages: list[Any] = field(default_factory=list)
    written: bytes = b""

    def joined(self) -> list[Any]:
        """Return the messages with neighbouring binary ones as one."""
        found: list[Any] = []
        for one in self.messages:
            if isinstance(one, bytes) and found and isinstance(found[-1], bytes):
                found[-1] += one
            else:
                found.append(one)
        return found


async def converse(
    protocol_class: type[WebSocketsSansIOProtocol],
    reads: list[bytes],
    *,
    asks: dict[str, Any] | None = None,
    takes: Callable[[], bool] | None = None,
    max_size: int = 1000,
) -> Heard:
    """Feed reads to a protocol, each once the application has taken what came before.

    With `takes`, the application is offered binary at once, and takes it or not.
    """
    heard = Heard()

    def take(data: bytes, frames: int) -> bool:
        assert frames
        if taken := takes is None or takes():
            heard.messages.append(data)
        return taken

    if takes:
        asks = {**(asks or {}), "take_binary": take}
    accepted = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await receive()
        await send({"type": "websocket.accept", "listen_server": asks})
        accepted.set()
        while True:
            match await receive():
                case {"type": "websocket.disconnect", **rest}:
                    heard.messages.append((rest["code"], rest.get("reason") or ""))
                    return
                case message:
                    found = message.get("bytes")
                    heard.messages.append(message["text"] if found is None else found)

    protocol, wire = make(protocol_class, app, max_size)
    protocol.data_received(HEAD)
    await accepted.wait()
    start = len(wire.written)
    for read in reads:
        await wire.reading.wait()
        if wire.is_closing():
            break
        protocol.data_received(read)
    await wire.reading.wait()
    protocol.connection_lost(None)
    await asyncio.gather(*protocol.tasks)
    heard.written = wire.written[start:]
    return heard


def make(
    protocol_class: type[WebSocketsSansIOProtocol], app: Any, max_size: int = 1000
) -> tuple[WebSocketsSansIOProtocol, Wire]:
    """Return a protocol that is connected to a wire."""
    config = uvicorn.Config(
        app, ws_max_size=max_size, ws_per_message_deflate=False, log_config=None, interface="asgi3"
    )
    config.load()
    protocol = protocol_class(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    protocol.connection_made(wire)
    return protocol, wire


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    """Cut a stream at offsets, which may be any numbers."""
    places = sorted({place % (len(stream) + 1) for place in at} | {0, len(stream)})
    return [stream[a:b] for a, b in itertools.pairwise(places)]


def every_byte(stream: bytes) -> list[bytes]:
    return [bytes([one]) for one in stream]

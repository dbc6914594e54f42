"""A server of sockets and nothing else: it keeps every byte, and says what a test tells it."""

import asyncio
import base64
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes  # unmasked
    first_byte: int
    masked: bool


class BareServer:
    """Takes websockets one after the other; `data` holds what came after the last request."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.address: tuple[str, int]
        self.request = b""
        self.data = bytearray()
        self.arrivals: list[tuple[float, int]] = []  # loop time, bytes so far
        self.gone = asyncio.Event()
        self.reset = False
        self.reading = asyncio.Event()
        self.reading.set()
        self._answer = answer
        self._news = asyncio.Condition()
        self._writer: asyncio.StreamWriter

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.address[1]}/listen"

    @property
    def frames(self) -> list[Frame]:
        return list(frames_of(bytes(self.data)))

    @property
    def audio(self) -> bytes:
        return b"".join(frame.payload for frame in self.frames if frame.opcode == BINARY)

    @property
    def binary_sizes(self) -> list[int]:
        return [len(frame.payload) for frame in self.frames if frame.opcode == BINARY]

    @property
    def texts(self) -> list[str]:
        return [frame.payload.decode() for frame in self.frames if frame.opcode == TEXT]

    def say(self, opcode: int, payload: bytes = b"", *, first_byte: int | None = None) -> None:
        short = len(payload) < 126
        size = bytes([len(payload)]) if short else b"\x7f" + len(payload).to_bytes(8, "big")
        first = 0x80 | opcode if first_byte is None else first_byte
        self._writer.write(bytes([first]) + size + payload)

    def hang_up(self) -> None:
        self._writer.close()

    async def until(self, true: Callable[[], object]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: bool(true()))

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.data.clear()
        try:
            self.request = await reader.readuntil(b"\r\n\r\n")
            reply = self._answer(self.request)
            if reply is not None:
                writer.write(reply)
                await self._keep(reader)
            else:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.reset = True
        finally:
            self.gone.set()
            writer.close()

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        while True:
            await self.reading.wait()
            data = await reader.read(2**20)
            self.data += data
            self.arrivals.append((asyncio.get_running_loop().time(), len(self.data)))
            async with self._news:
                self._news.notify_all()
            if not data:
                return


@asynccontextmanager
async def bare_server(
    answer: Callable[[bytes], bytes | None] | None = None,
    *,
    receive_buffer: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[BareServer]:
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind(("127.0.0.1", 0))
    bare = BareServer(answer or accepting)
    bare.address = sock.getsockname()
    limit = 2**16 if receive_buffer is None else 1024
    server = await asyncio.start_server(bare.take, sock=sock, ssl=tls, limit=limit)
    async with server:
        yield bare


def accepting(request: bytes) -> bytes:
    """Accept the subprotocol that was offered."""
    return switching(request, header(request, b"Sec-WebSocket-Protocol"))


def switching(request: bytes, subprotocol: bytes | None = None) -> bytes:
    key = header(request, b"Sec-WebSocket-Key") + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key).digest()),  # noqa: S324  # RFC 6455 says so
    ]
    if subprotocol is not None:
        lines.append(b"Sec-WebSocket-Protocol: " + subprotocol)
    return b"\r\n".join([*lines, b"", b""])


def header(request: bytes, name: bytes) -> bytes:
    return next(
        line.partition(b": ")[2] for line in request.split(b"\r\n") if line.startswith(name + b":")
    )


def frames_of(data: bytes) -> Iterator[Frame]:
    """Take a client's bytes apart by RFC 6455, section 5.2; a cut last frame is left out."""
    at = 0
    while len(data) - at >= 2:
        first, second = data[at], data[at + 1]
        extra = {126: 2, 127: 8}.get(second & 0x7F, 0)
        size = int.from_bytes(data[at + 2 : at + 2 + extra], "big") if extra else second & 0x7F
        start = at + 2 + extra + 4
        mask = data[start - 4 : start]
        payload = data[start : start + size]
        if len(mask) < 4 or len(payload) < size:
            return
        plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        yield Frame(first & 0x0F, plain, first, bool(second & 0x80))
        at = start + size

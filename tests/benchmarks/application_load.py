"""jambonz's part before an application: sockets that say nothing more, and calls that are set up.

    python -m benchmarks.application_load hold PORT SOCKETS          how many are open; at the end
                                                                     of stdin, how many still are
    python -m benchmarks.application_load webhooks PORT RATE SECONDS      JSON with delays, in ms
    python -m benchmarks.application_load websocket PORT RATE SECONDS     the same

Calls come by the clock, whether those before are answered or not. A delay is the time from when
the hook is sent to when its verbs are there; over the websocket, from `session:new` to its ack.
"""

import asyncio
import json
import sys
import uuid
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, time
from typing import Any, Final, TypeAlias

import numpy as np

from listen_server.jambonz.signature import sign

SECRET: Final = "a secret of nobody"  # noqa: S105 - of a server that lives for seconds
_PLACING: Final = 32  # handshakes at once
_SETTLING: Final = 1.0  # seconds of calls before what is measured
_VERBS: Final = b'"verb":"gather"'
_BASIC: Final = "Basic " + b64encode(f"jambonz:{SECRET}".encode()).decode()
_UPGRADE: Final = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {basic}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: ws.jambonz.org\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A  # whole frames (RFC 6455, section 5.2)
_LONG: Final = 126  # what stands for a length of two bytes
_Connections: TypeAlias = deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


def call_hook(sid: str) -> dict[str, Any]:
    """Return what jambonz says of a new call, with the INVITE that it came with."""
    return {
        "call_sid": sid,
        "direction": "inbound",
        "from": "+15551230001",
        "to": "+15551230002",
        "call_id": f"{sid}@192.0.2.7",
        "sip_status": 100,
        "sip_reason": "Trying",
        "call_status": "trying",
        "account_sid": str(uuid.UUID(int=1)),
        "trace_id": uuid.UUID(sid).hex,
        "application_sid": str(uuid.UUID(int=2)),
        "originating_sip_ip": "192.0.2.7",
        "originating_sip_trunk_name": "carrier",
        "sip": {
            "headers": {f"X-Header-{number}": "sip:value@192.0.2.7" * 2 for number in range(20)},
            "raw": "INVITE sip:+15551230002@example.com SIP/2.0\r\n" + "v=0\r\n" * 200,
        },
        "defaults": {"synthesizer": {"vendor": "none"}, "recognizer": {"vendor": "none"}},
    }


class Socket:
    """A websocket by hand, with a mask of zeros: the load shall be cheaper than the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Socket":
        """Connect as jambonz does. Raises OSError, EOFError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_UPGRADE.format(port=port, basic=_BASIC).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            writer.close()
            raise ConnectionRefusedError
        return cls(reader, writer)

    async def bring_call(self) -> bool:
        """Begin a call; return whether there were verbs."""
        sid = str(uuid.uuid4())
        message = {"type": "session:new", "msgid": "m1", "call_sid": sid, "data": call_hook(sid)}
        self._send(_TEXT, json.dumps(message).encode())
        return _VERBS in (await self._read()).replace(b" ", b"")

    async def rest(self) -> None:
        """Answer pings, for as long as the server lets it."""
        with suppress(OSError, EOFError):
            while True:
                await self._read()

    def close(self) -> None:
        """Hang up."""
        self._send(_CLOSE, (1000).to_bytes(2, "big"))
        self._writer.close()

    async def _read(self) -> bytes:
        """Return the next message that is no ping. Raises EOFError."""
        while True:
            first, second = await self._reader.readexactly(2)
            length = second
            if second >= _LONG:
                size = 2 if second == _LONG else 8
                length = int.from_bytes(await self._reader.readexactly(size), "big")
            payload = await self._reader.readexactly(length)
            if first == _CLOSE:
                raise EOFError
            if first != _PING:
                return payload
            self._send(_PONG, payload)

    def _send(self, first: int, payload: bytes) -> None:
        size = len(payload)
        short = size < _LONG
        length = bytes([0x80 | size]) if short else bytes([0x80 | _LONG]) + size.to_bytes(2, "big")
        self._writer.write(bytes([first]) + length + bytes(4) + payload)


async def hold(port: int, count: int) -> None:
    """Open sockets, a few at a time, and hold them until stdin ends."""
    gate = asyncio.Semaphore(_PLACING)

    async def one() -> asyncio.Task[None] | None:
        async with gate:
            with suppress(OSError, EOFError):
                opened = await Socket.open(port)
                if await opened.bring_call():
                    return asyncio.create_task(opened.rest())
        return None

    found = [one for one in await asyncio.gather(*(one() for _ in range(count))) if one]
    _say(len(found))
    await asyncio.to_thread(sys.stdin.read)
    _say(sum(not resting.done() for resting in found))


class Calls:
    """Calls that come by the clock, and how long each had to wait for its verbs."""

    def __init__(self, bring: Callable[[], Awaitable[float | None]]) -> None:
        """Take what brings a call, and returns the seconds that it waited; None: no verbs."""
        self._bring = bring
        self.delays: list[float] = []  # ms
        self.late: list[float] = []  # us
        self.calls = self.wrong = 0

    async def come(self, rate: int, seconds: float) -> None:
        """Bring so many in a second; what comes in the first one is not measured."""
        start = monotonic()
        under_way: set[asyncio.Task[None]] = set()
        for number in range(round(rate * (seconds + _SETTLING))):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - monotonic()))
            task = asyncio.create_task(self._one(due, measured=due >= start + _SETTLING))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _one(self, due: float, *, measured: bool) -> None:
        late = monotonic() - due
        try:
            waited = await self._bring()
        except (OSError, EOFError, TimeoutError):
            waited = None
        self.calls += 1
        self.wrong += waited is None
        if measured and waited is not None:
            self.late.append(1e6 * late)
            self.delays.append(1000 * waited)

    def told(self) -> dict[str, float]:
        """Return what came of it."""
        p50, p99 = np.percentile(self.delays, [50, 99]) if self.delays else (np.inf, np.inf)
        late = float(np.percentile(self.late, 99)) if self.late else 0.0
        counts = {"calls": self.calls, "wrong": self.wrong}
        return {**counts, "p50": float(p50), "p99": float(p99), "late_p99_us": late}


class Webhooks:
    """Hooks by POST, signed, on connections that are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: _Connections = deque()

    async def bring(self) -> float | None:
        """Bring a call."""
        body = json.dumps(call_hook(str(uuid.uuid4()))).encode()
        head = (
            f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: {_BASIC}\r\n"
            f"Jambonz-Signature: {sign(body, SECRET, int(time()))}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = self._free.popleft() if self._free else None
        reader, writer = connection or await asyncio.open_connection("127.0.0.1", self._port)
        began = monotonic()
        writer.write(head.encode() + body)
        answer = await _answer(reader)
        waited = monotonic() - began
        self._free.append((reader, writer))
        return waited if _VERBS in answer.replace(b" ", b"") else None


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    return await reader.readexactly(length)


async def bring_by_socket(port: int) -> float | None:
    """Bring a call on a socket of its own, and hang up."""
    opened = await Socket.open(port)
    began = monotonic()
    answered = await opened.bring_call()
    waited = monotonic() - began
    opened.close()
    return waited if answered else None


async def _run(what: str, port: int, number: int, seconds: float) -> None:
    if what == "hold":
        await hold(port, number)
        return
    webhooks = Webhooks(port)
    bring = webhooks.bring if what == "webhooks" else lambda: bring_by_socket(port)
    calls = Calls(bring)
    await calls.come(number, seconds)
    _say(json.dumps(calls.told()))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    """Play jambonz's part."""
    import uvloop

    what, port, number, seconds = (*sys.argv[1:], "0")[:4]
    uvloop.run(_run(what, int(port), int(number), float(seconds)))


if __name__ == "__main__":
    main()

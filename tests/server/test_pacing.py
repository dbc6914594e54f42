"""Reading once per tick, over real sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from server.apps import Message, Peer, Receive, Send
from server.wire import BINARY, CLOSE, PING, PONG, TEXT, close, frame

from listen_server.server.websocket import ListenWebSocketProtocol

TICK = 0.1
PACKET = bytes(320)


class Paced:
    """An application that asks for ticks and writes down what it is told."""

    def __init__(self, *, takes: bool) -> None:
        self.heard: list[Message] = []
        self.taken: list[bytes] = []
        self.ended = asyncio.Event()
        self._takes = takes
        self.went_on = asyncio.Event()
        self.went_on.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        asks: dict[str, Any] = {"joined_binary": True, "read_every": TICK}
        if self._takes:
            asks["take_binary"] = self.take
        await send({"type": "websocket.accept", "listen_server": asks})
        while True:
            message = await receive()
            self.heard.append(message)
            if message["type"] == "websocket.disconnect":
                self.ended.set()
                return
            await self.went_on.wait()

    def take(self, data: bytes, frames: int) -> bool:
        self.taken.append(data)
        return bool(frames)

    @property
    def audio(self) -> list[bytes]:
        return self.taken or [one["bytes"] for one in self.heard if one.get("bytes") is not None]


@asynccontextmanager
async def served(app: Paced) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, port=0, ws=ListenWebSocketProtocol, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize("takes", [True, False])
async def test_a_live_call_is_read_once_per_tick_and_whole(*, takes: bool) -> None:
    app = Paced(takes=takes)
    loop = asyncio.get_running_loop()

    async with served(app) as port, await Peer.call(port) as peer:
        began = loop.time()
        for number in range(50):
            peer.send(frame(BINARY, bytes([number]) * 320))
            await asyncio.sleep(0.01)
        peer.send(close())
        await app.ended.wait()
        ticks = (loop.time() - began) / TICK

    assert b"".join(app.audio) == b"".join(bytes([number]) * 320 for number in range(50))
    assert len(app.audio) <= ticks * 1.15 + 2  # a turn of ticks.py is up to a tenth sooner
    assert app.heard[-1]["code"] == 1000


@pytest.mark.parametrize("takes", [True, False])
async def test_more_than_fits_a_read_is_not_made_to_wait_for_ticks(*, takes: bool) -> None:
    app = Paced(takes=takes)
    loop = asyncio.get_running_loop()
    read = frame(BINARY, bytes(60_000)) * 200  # 12 MB: twenty seconds at 64 KiB per tick

    async with served(app) as port, await Peer.call(port) as peer:
        began = loop.time()
        peer.send(read + close())
        await app.ended.wait()
        took = loop.time() - began

    assert sum(map(len, app.audio)) == 12_000_000
    assert took < 10.0


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("reset", [True, False])
async def test_a_peer_that_vanishes_is_noticed(*, reset: bool, takes: bool) -> None:
    app = Paced(takes=takes)

    async with served(app) as port:
        peer = await Peer.call(port)
        peer.say(PACKET)
        await peer.writer.drain()
        if reset:  # RFC 9293: no linger, so a reset instead of an end
            linger = struct.pack("ii", 1, 0)
            peer.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        peer.writer.close()
        await app.ended.wait()

    assert app.heard[-1]["code"] != 1000


async def test_a_text_keeps_its_place_between_audio() -> None:
    app = Paced(takes=False)

    async with served(app) as port, await Peer.call(port) as peer:
        peer.send(frame(BINARY, b"one") + frame(TEXT, b"two") + frame(BINARY, b"three") + close())
        await app.ended.wait()

    assert [one.get("bytes") or one.get("text") for one in app.heard[:-1]] == [
        b"one",
        "two",
        b"three",
    ]


async def test_an_application_that_is_busy_is_not_read_for() -> None:
    app = Paced(takes=True)
    app.went_on.clear()

    async with served(app) as port, await Peer.call(port) as peer:
        peer.send(frame(TEXT, b"this takes long"))
        while not app.heard:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        for number in range(10):
            peer.send(frame(BINARY, bytes([number])))
            await asyncio.sleep(TICK / 2)
        assert not app.taken
        app.went_on.set()
        peer.send(close())
        await app.ended.wait()

    heard = b"".join(one.get("bytes") or b"" for one in app.heard)
    assert heard + b"".join(app.taken) == bytes(range(10))


async def test_a_ping_between_packets_is_answered_within_ticks() -> None:
    app = Paced(takes=True)

    async with served(app) as port, await Peer.call(port) as peer:
        peer.say(PACKET)
        peer.send(frame(PING, b"are you there?"))
        assert await peer.frame() == (PONG, b"are you there?")


async def test_a_server_that_goes_hears_the_answer_to_its_close() -> None:
    app = Paced(takes=True)
    loop = asyncio.get_running_loop()

    async with served(app) as port:
        peer = await Peer.call(port)
        peer.say(PACKET)
        while not app.taken:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        answered = asyncio.create_task(answer_close(peer))
        began = loop.time()

    assert await answered == (1001).to_bytes(2, "big")
    assert loop.time() - began < 5.0  # it hangs up by itself after 10
    peer.writer.close()


async def answer_close(peer: Peer) -> bytes:
    opcode, payload = await peer.frame()
    assert opcode == CLOSE
    peer.send(close(1001))
    return payload[:2]

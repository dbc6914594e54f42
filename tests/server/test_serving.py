"""Two ports, one loop, and the switches of `ServerOptions`."""

import asyncio
from typing import Any

import pytest
from server.apps import Calls, Peer, admin, answer
from server.wire import BINARY, CLOSE, close, frame
from websockets.asyncio.client import connect

from listen_server.errors import ConfigError
from listen_server.server.drain import Drain
from listen_server.server.options import ServerOptions
from listen_server.server.serving import running

OPTIONS = ServerOptions(port=0, admin_port=0)


async def get(port: int | None) -> bytes:
    assert port is not None
    async with await Peer.connect(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await peer.rest()


async def test_each_port_has_its_own_application() -> None:
    async with running(Calls(), admin, OPTIONS) as bound:
        assert (await get(bound.port)).endswith(b"serving")
        assert (await get(bound.admin_port)).endswith(b"admin")


async def test_the_server_does_not_say_what_it_is_made_of() -> None:
    async with running(Calls(), None, OPTIONS) as bound:
        assert b"uvicorn" not in (await get(bound.port)).lower()


async def test_a_real_client_streams_and_closes() -> None:
    app = Calls()

    async with (
        running(app, None, OPTIONS) as bound,
        connect(f"ws://127.0.0.1:{bound.port}/listen", proxy=None) as call,
    ):
        for _ in range(50):
            await call.send(bytes(320))

    assert app.ended == [(16000, 1000)]


@pytest.mark.parametrize("fast", [True, False])
async def test_the_fast_class_is_a_switch_that_changes_no_sound(*, fast: bool) -> None:
    app = Calls()
    options = ServerOptions(port=0, fast_receive=fast)

    async with running(app, None, options) as bound, await Peer.call(bound.port) as call:
        call.send(b"".join(frame(BINARY, bytes(320)) for _ in range(50)) + close())
        assert await call.frame() == (CLOSE, b"\x03\xe8")

    assert app.ended == [(16000, 1000)]


async def test_more_than_the_cap_is_refused_with_1009() -> None:
    app = Calls()
    options = ServerOptions(port=0, max_message_bytes=1000)

    async with running(app, None, options) as bound, await Peer.call(bound.port) as call:
        call.say(bytes(1000))
        call.send(frame(BINARY, announced=1001))
        opcode, payload = await call.frame()

    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")
    assert app.ended == [(1000, 1009)]


async def test_a_peer_that_answers_no_ping_is_let_go() -> None:
    app = Calls()
    options = ServerOptions(port=0, ping_interval=0.05, ping_timeout=0.05)

    async with running(app, None, options) as bound, await Peer.call(bound.port) as call:
        await call.rest()

    assert app.ended == [(0, 1006)]


async def test_calls_that_are_on_at_the_end_are_told_1001() -> None:
    app = Calls()

    async with running(app, None, OPTIONS) as bound:
        call = await Peer.call(bound.port)
        answered = asyncio.create_task(reply_to_close(call))

    assert await answered == (CLOSE, b"\x03\xe9")
    assert app.ended == [(0, 1001)]


async def reply_to_close(call: Peer) -> tuple[int, bytes]:
    async with call:
        heard = await call.frame()
        call.send(close(1001))
        await call.rest()
        return heard


async def test_the_application_sees_the_address_that_connected_unless_a_proxy_is_trusted() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await Calls()(scope, receive, send)
        else:
            await answer(send, 200, scope["client"][0].encode())

    for trusted, seen in ((), b"127.0.0.1"), (("127.0.0.1",), b"203.0.113.9"):
        options = ServerOptions(port=0, trusted_proxies=trusted)
        async with running(app, None, options) as bound, await Peer.connect(bound.port) as peer:
            peer.send(
                b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
                b"Connection: close\r\n\r\n"
            )
            assert (await peer.rest()).endswith(seen)


async def test_a_port_in_use_is_a_configuration_error_and_leaves_nothing_behind() -> None:
    async with running(Calls(), admin, OPTIONS) as bound:
        clash = ServerOptions(port=0, admin_port=bound.admin_port or 0)
        with pytest.raises(ConfigError, match="--admin-port"):
            async with running(Calls(), admin, clash, drain=Drain()):
                pytest.fail("served")

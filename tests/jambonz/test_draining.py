"""A server that is about to stop keeps the calls that it has, and takes no other."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from harness import until
from jambonz.desk import Desk
from jambonz.peer import CALL, Socket, up
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosedError

from listen_server.jambonz import Served

NEW = {**CALL, "call_sid": "another-call"}
HOOK = "/again"


class Draining:
    """A served desk whose end the test begins."""

    def __init__(self) -> None:
        self.served = Served(Desk())
        self.address = ""

    def begin(self) -> None:
        self.served.sockets.answering.draining = lambda: True

    async def closed(self, kind: str) -> int:
        """Bring a call that is new here; return the code that its socket is closed with."""
        socket = await Socket.open(self.address)
        await socket.tell(kind, NEW, msgid="m")
        with pytest.raises(ConnectionClosedError) as closed:
            async with asyncio.timeout(5):
                await socket.connection.recv()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code


@pytest.fixture
async def desk() -> AsyncIterator[Draining]:
    made = Draining()
    async with up(Starlette(routes=made.served.routes)) as address:
        made.address = address
        yield made


async def test_a_call_that_is_new_is_sent_away_with_a_code_after_which_jambonz_tries_again(
    desk: Draining,
) -> None:
    desk.begin()

    assert await desk.closed("session:new") == 1012
    assert await desk.closed("session:reconnect") == 1012  # the same call, at the same server

    assert desk.served.sockets.connected == 0


async def test_a_call_that_is_on_goes_on_and_comes_back_if_its_socket_drops(
    desk: Draining,
) -> None:
    socket = await Socket.open(desk.address)
    await socket.new()
    desk.begin()
    assert "data" in await socket.ask("verb:hook", CALL, hook=HOOK)
    socket.connection.transport.abort()
    await until(lambda: desk.served.sockets.connected == 0)

    back = await Socket.open(desk.address)
    ack = await back.ask("session:reconnect", CALL)

    assert ack["type"] == "ack"
    assert desk.served.sockets.connected == 1
    await back.close()
    await until(lambda: desk.served.sockets.connected == 0)


async def test_a_call_whose_own_server_is_gone_is_taken(desk: Draining) -> None:
    desk.begin()
    socket = await Socket.open(desk.address)

    assert (await socket.ask("session:reconnect", CALL))["type"] == "ack"
    await socket.close()


async def test_over_webhooks_a_new_call_gets_503_and_the_hooks_of_others_are_answered(
    desk: Draining,
) -> None:
    desk.begin()
    async with httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://{desk.address}"
        new = await client.post(url, json=CALL)
        hook = await client.post(f"{url}{HOOK}", json=CALL)

    assert new.status_code == 503
    assert "about to stop" in new.text
    assert hook.status_code == 200

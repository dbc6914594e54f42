"""A server that is about to stop keeps the calls that it has, and takes no other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from harness import until
from jambonz.desk import Desk
from jambonz.peer import CALL, Socket, up
from starlette.applications import Starlette

from listen_server.jambonz import Call, Say, Served, Verbs, hook
from listen_server.jambonz.access import Peer

NEW = {**CALL, "call_sid": "another-call"}
HOOK = "/again"


class Slow(Desk):
    """Answers a hook when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    @hook("/slowly")
    async def slowly(self, call: Call) -> Verbs:  # noqa: ARG002 - a hook has its call
        self.asked.set()
        await self.go.wait()
        return [Say(text="At last.")]


class Draining:
    """A served desk whose end the test begins."""

    def __init__(self) -> None:
        self.application = Slow()
        self.served = Served(self.application)
        self.address = ""

    def begin(self) -> None:
        self.served.sockets.answering.draining = lambda: True

    def leave(self) -> None:
        """Begin the last seconds."""
        self.begin()
        self.served.sockets.leaving = lambda: True

    async def closed(self, kind: str, told: Any = NEW) -> int:
        """Bring a call, one that is new here; return the code that its socket is closed with."""
        socket = await Socket.open(self.address)
        await socket.tell(kind, told, msgid="m")
        return await socket.closed()


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


async def test_a_new_call_of_one_tenant_sends_no_call_of_another_away(desk: Draining) -> None:
    sockets = desk.served.sockets
    desk.begin()

    def is_sent_away(kind: str, tenant: str) -> bool:
        return sockets.turns_away("the-same-sid", Peer(tenant, ""), kind, known=False)

    assert is_sent_away("session:new", "acme")
    assert is_sent_away("session:reconnect", "acme")
    assert not is_sent_away("session:reconnect", "other")


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


async def test_in_the_last_seconds_a_hook_is_answered_before_its_socket_is_closed(
    desk: Draining,
) -> None:
    socket = await Socket.open(desk.address)
    await socket.new()
    asking = asyncio.create_task(socket.ask("verb:hook", CALL, hook="/slowly"))
    await desk.application.asked.wait()
    desk.leave()
    assert desk.served.sockets.leave(idle=True) == 1  # not while jambonz waits

    desk.application.go.set()

    assert (await asking)["data"] == [{"verb": "say", "text": "At last."}]
    assert await socket.closed() == 1001
    await until(lambda: desk.served.sockets.open_sockets == 0)


async def test_a_hook_that_comes_in_the_last_seconds_is_answered_too(desk: Draining) -> None:
    socket = await Socket.open(desk.address)
    await socket.new()
    desk.leave()
    assert desk.served.sockets.leave(idle=False) == 1

    assert "data" in await socket.ask("verb:hook", CALL, hook=HOOK)

    assert await socket.closed() == 1001


async def test_a_call_that_is_asked_nothing_is_sent_to_the_next_server(desk: Draining) -> None:
    socket = await Socket.open(desk.address)
    await socket.new()
    desk.leave()

    desk.served.sockets.leave(idle=True)

    assert await socket.closed() == 1001
    assert await desk.closed("session:reconnect", CALL) == 1012  # its call, at the same server
    await until(lambda: desk.served.sockets.open_sockets == 0)

"""The application websocket under a real uvicorn: acks, commands, and sockets that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from harness import until
from jambonz.desk import GREETING, Desk
from jambonz.peer import CALL, SID, SUBPROTOCOL, Socket, up
from starlette.applications import Starlette
from starlette.websockets import WebSocket, WebSocketState
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from listen_server.credentials import basic_header
from listen_server.jambonz import (
    Access,
    Call,
    Refused,
    Say,
    Served,
    SocketLimits,
    Unreachable,
    Verbs,
    commands,
)
from listen_server.jambonz.access import Peer
from listen_server.jambonz.session import Session

FIRST = {"verb": "tag", "data": {"seen": 1}}


@asynccontextmanager
async def desk_up(desk: Desk, **options: Any) -> AsyncIterator[tuple[str, Served]]:
    """Serve a desk."""
    served = Served(desk, **options)
    async with up(Starlette(routes=served.routes)) as address:
        yield address, served


class TestAcks:
    async def test_a_new_call_is_acknowledged_with_its_verbs(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            ack = await socket.ask("session:new", CALL, msgid="uW2kqXb7Zt", b3="trace-span-1")
            await socket.close()

        assert socket.connection.subprotocol == SUBPROTOCOL
        assert ack["msgid"] == "uW2kqXb7Zt"
        assert ack["data"][0] == FIRST
        assert ack["data"][1]["say"]["text"] == GREETING

    async def test_each_type_is_answered_as_jambonz_wants_it(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            confirm = await socket.ask("dial:confirm", CALL, hook="/again")
            redirect = await socket.ask("session:redirect", CALL, hook=f"ws://{address}/again")
            reconnect = await socket.ask("session:reconnect", CALL)
            queue = await socket.ask("queue:status", {"event": "joined"})
            adulting = await socket.ask("session:adulting", CALL)
            await socket.tell("call:status", {**CALL, "call_status": "ringing"})
            await socket.tell("verb:status", {"event": "starting", "id": "v1"})
            await socket.tell("jambonz:error", {"msg": "InvalidMessage"})
            await socket.tell("llm:event", {"a": 1})
            await socket.tell("newest:type", {"a": 1})
            await until(lambda: ("error", "InvalidMessage") in desk.log)
            after = await socket.hook("/again")
            await socket.close()

        once_more = [{"verb": "say", "text": "Once more."}]
        assert confirm["data"] == redirect["data"] == after == once_more
        assert all("data" not in ack for ack in (reconnect, queue, adulting))
        assert desk.log[1:] == [
            ("queue", "joined"),
            ("adulting", SID),
            ("status", "ringing"),
            ("verb", "starting"),
            ("error", "InvalidMessage"),
        ]

    async def test_a_message_that_comes_twice_is_handled_once_and_acknowledged_twice(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            hook = {"hook": "/left", "msgid": "same"}
            first = await socket.ask("verb:hook", {**CALL, "queue_result": "leave"}, **hook)
            socket._acks.clear()
            second = await socket.ask("verb:hook", {**CALL, "queue_result": "leave"}, **hook)
            await socket.close()

        assert first == second
        assert desk.log.count(("left", "leave")) == 1

    async def test_a_slow_hook_holds_up_no_other(self, desk: Desk) -> None:
        gate = asyncio.Event()
        asked = desk.on_call

        async def slow(call: Call) -> Verbs:
            await gate.wait()
            return await asked(call)

        desk.on_call = slow  # type: ignore[method-assign]
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.tell("session:new", CALL, msgid="slow")
            again = await socket.hook("/again")
            gate.set()
            async with asyncio.timeout(5):
                late = await socket._acks["slow"]
            await socket.close()

        assert again == [{"verb": "say", "text": "Once more."}]
        assert late["data"][0] == FIRST

    async def test_statuses_are_told_in_their_order(self, desk: Desk) -> None:
        statuses = ["trying", "ringing", "early-media", "in-progress", "completed"] * 8
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            for status in statuses:
                await socket.status(status)
            await until(lambda: len(desk.log) == 1 + len(statuses))
            await socket.close()

        assert [status for _, status in desk.log[1:]] == statuses

    async def test_two_hundred_hooks_at_once_are_all_acknowledged(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            answers = await asyncio.gather(*(socket.hook("/taken") for _ in range(200)))
            await socket.close()

        assert answers == [[]] * 200

    async def test_a_hook_that_there_is_not_is_logged_once_and_the_caller_hears_it(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            with capture_logs() as logs:
                verbs = await socket.hook("/nothing")
            await socket.close()

        assert [verb["verb"] for verb in verbs] == ["say", "hangup"]
        assert len(logs) == 1

    async def test_a_hook_for_a_call_nobody_knows_is_answered_and_the_call_is_reachable(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, served):
            socket = await Socket.open(address)
            verbs = await socket.hook("/chosen", digits="3")
            await served.sockets.calls[SID].send(commands.call_status("completed"))
            command = await socket.commands.get()
            await socket.close()

        assert verbs == [{"verb": "conference", "name": "meeting"}]
        assert command["command"] == "call:status"

    async def test_a_socket_that_has_closed_before_its_hook_was_looked_at_keeps_no_call(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk, limits=SocketLimits(resume=0.1)) as (_, served):
            hook = {"type": "verb:hook", "msgid": "m1", "call_sid": SID, "hook": "/again"}
            told = iter([json.dumps({**hook, "data": CALL})])

            async def receive() -> dict[str, Any]:
                text = next(told, None)  # both are there already, so nobody yields
                if text is None:
                    return {"type": "websocket.disconnect", "code": 1006}
                return {"type": "websocket.receive", "text": text}

            async def send(_message: Any) -> None:
                return

            websocket = WebSocket({"type": "websocket"}, receive, send)
            websocket.client_state = WebSocketState.CONNECTED
            await Session(served.sockets, websocket, Peer()).run()
            await until(lambda: desk.log or served.sockets.calls)
            await until(lambda: not served.sockets.calls)


class TestCommands:
    async def test_commands_go_out_at_any_time(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            call = desk.calls[SID]
            await call.send(commands.redirect([Say(text="one moment")], queue=True))
            await call.send(commands.mute_status("mute"))
            told = [await socket.commands.get(), await socket.commands.get()]
            await socket.close()

        assert told == [
            {
                "type": "command",
                "command": "redirect",
                "queueCommand": True,
                "data": [{"verb": "say", "text": "one moment"}],
            },
            {"type": "command", "command": "mute:status", "data": {"mute_status": "mute"}},
        ]

    async def test_a_command_that_is_too_large_is_not_sent(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            with pytest.raises(Refused, match="jambonz takes 24576"):
                await desk.calls[SID].send(commands.redirect([Say(text="a" * 25_000)]))
            again = await socket.hook("/again")
            await socket.close()

        assert again

    async def test_a_call_that_is_over_takes_none(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, served):
            socket = await Socket.open(address)
            await socket.new()
            await socket.close(1000)
            await until(lambda: not served.sockets.calls)

            with pytest.raises(Unreachable, match="the call is over"):
                await desk.calls[SID].send(commands.mute_status("mute"))

    async def test_a_call_that_has_hung_up_takes_none(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            await socket.status("completed")
            await until(lambda: desk.calls[SID].ended)

            with pytest.raises(Unreachable, match="the call is over"):
                await desk.calls[SID].send(commands.mute_status("mute"))
            await socket.close()

    async def test_a_socket_for_statuses_takes_no_commands_from_the_calls_own(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, _):
            socket, statuses = await Socket.open(address), await Socket.open(address)
            await socket.new()
            await statuses.status("in-progress")
            await until(lambda: ("status", "in-progress") in desk.log)
            await desk.calls[SID].send(commands.mute_status("mute"))
            command = await socket.commands.get()
            await statuses.close()
            await socket.close()

        assert command["command"] == "mute:status"
        assert statuses.commands.empty()


class TestResuming:
    async def test_a_socket_that_drops_comes_back_and_commands_wait_for_it(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, served):
            socket = await Socket.open(address)
            await socket.new()
            assert await socket.hook("/taken") == []
            await socket.drop()
            await until(lambda: not desk.calls[SID].connected)
            sending = asyncio.create_task(desk.calls[SID].send(commands.mute_status("mute")))

            back = await Socket.open(address)
            ack = await back.ask("session:reconnect", CALL)
            command = await back.commands.get()
            await sending
            again = await back.hook("/again")
            assert list(served.sockets.calls) == [SID]
            await back.close()

        assert "data" not in ack
        assert command["command"] == "mute:status"
        assert again == [{"verb": "say", "text": "Once more."}]
        assert desk.log == [("call", "+15551230001", False)]

    async def test_one_that_drops_before_its_ack_gets_its_verbs_when_it_is_back(
        self, desk: Desk
    ) -> None:
        gate, asked = asyncio.Event(), desk.on_call

        async def slow(call: Call) -> Verbs:
            await gate.wait()
            return await asked(call)

        desk.on_call = slow  # type: ignore[method-assign]
        async with desk_up(desk) as (address, served):
            socket = await Socket.open(address)
            await socket.tell("session:new", CALL)
            await until(lambda: served.sockets.calls)
            await socket.drop()
            back = await Socket.open(address)
            await back.tell("session:reconnect", CALL, msgid="back")
            gate.set()
            async with asyncio.timeout(5):
                ack = await back._acks["back"]
            await back.close()

        assert ack["data"][0] == FIRST
        assert desk.log == [("call", "+15551230001", False)]

    async def test_a_call_of_another_process_is_taken_over_as_one_that_goes_on(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            ack = await socket.ask("session:reconnect", CALL)
            await socket.close()

        assert desk.log == [("call", "+15551230001", True)]
        assert ack["data"][0] == FIRST

    async def test_one_that_does_not_come_back_is_forgotten(self, desk: Desk) -> None:
        async with desk_up(desk, limits=SocketLimits(resume=0.2)) as (address, served):
            socket = await Socket.open(address)
            await socket.new()
            await socket.drop()
            await until(lambda: not desk.calls[SID].connected)

            with pytest.raises(Unreachable):
                await desk.calls[SID].send(commands.mute_status("mute"))
            await until(lambda: not served.sockets.calls)
            assert desk.calls[SID].ended

    async def test_the_newest_socket_has_the_call(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, served):
            old = await Socket.open(address)
            await old.new()
            new = await Socket.open(address)
            await new.ask("session:reconnect", CALL)
            await old.drop()
            assert await new.hook("/taken") == []
            await desk.calls[SID].send(commands.mute_status("mute"))
            command = await new.commands.get()
            assert list(served.sockets.calls) == [SID]
            await new.close()

        assert command["command"] == "mute:status"


class TestWhoIsLetIn:
    async def refused(self, address: str, **options: Any) -> int:
        """Try to connect; the status of the answer."""
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://{address}", proxy=None, **options)
        status: int = caught.value.response.status_code
        return status

    async def test_the_subprotocol_is_jambonzs_own(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            assert await self.refused(address) == 400
            assert await self.refused(address, subprotocols=["audio.jambonz.org"]) == 400

    async def test_a_user_is_asked_for_where_there_is_one(self, desk: Desk) -> None:
        async with desk_up(desk, access=Access(users={"ann": "own-password"})) as (address, _):
            status = await self.refused(address, subprotocols=[SUBPROTOCOL])
            right = {"Authorization": basic_header("ann", "own-password")}
            socket = await Socket.open(address, additional_headers=right)
            verbs = await socket.new()
            await socket.close()

        assert status == 401
        assert verbs

    async def test_who_guesses_passwords_is_slowed_down(self, desk: Desk) -> None:
        wrong = {"Authorization": basic_header("ann", "guess")}

        async with desk_up(desk, access=Access(users={"ann": "own-password"})) as (address, _):
            statuses = [
                await self.refused(address, subprotocols=[SUBPROTOCOL], additional_headers=wrong)
                for _ in range(12)
            ]

        assert statuses == [401] * 10 + [429] * 2

    async def test_without_authentication_a_proxy_brings_nobody(self, desk: Desk) -> None:
        through = {"X-Forwarded-For": "203.0.113.10"}

        async with desk_up(desk) as (address, _):
            status = await self.refused(
                address, subprotocols=[SUBPROTOCOL], additional_headers=through
            )

        assert status == 403

    async def test_there_is_a_last_socket(self, desk: Desk) -> None:
        async with desk_up(desk, limits=SocketLimits(sockets=2)) as (address, _):
            sockets = [await Socket.open(address) for _ in range(2)]
            status = await self.refused(address, subprotocols=[SUBPROTOCOL])
            for socket in sockets:
                await socket.close()

        assert status == 503


WRONG: list[tuple[str, str | bytes, int]] = [
    ("binary", b'{"type":"session:new"}', 1003),
    ("nothing", "", 1007),
    ("no JSON", "{", 1007),
    ("no object", "[]", 1007),
    ("deep", "[" * 100_000, 1007),
    ("no type", "{}", 1007),
    ("a type that is no text", '{"type":5}', 1007),
    ("data that is no object", '{"type":"call:status","data":[1]}', 1007),
    ("no msgid", '{"type":"session:new","call_sid":"a","data":{}}', 1007),
    ("no call", '{"type":"session:new","msgid":"m","data":{}}', 1007),
    ("a msgid of another kind", '{"type":"verb:hook","msgid":["m"],"call_sid":"a"}', 1007),
    ("a msgid that is long", f'{{"type":"verb:hook","msgid":"{"m" * 129}","call_sid":"a"}}', 1007),
    (
        "a call of the wrong shape",
        '{"type":"session:new","msgid":"m","call_sid":"a","data":{"from":{}}}',
        1007,
    ),
    (
        "a hook of the wrong shape",
        '{"type":"verb:hook","msgid":"m","call_sid":"a","hook":"/chosen","data":{"speech":1}}',
        1007,
    ),
    ("a status of no call", '{"type":"call:status","data":{"call_status":"busy"}}', 1007),
    ("ten megabytes", json.dumps({"type": "verb:status", "data": {"a": "a" * 10**7}}), 1009),
]


class TestMisbehaviour:
    async def test_what_jambonz_never_sends_closes_the_socket_and_no_other(
        self, desk: Desk
    ) -> None:
        async with desk_up(desk) as (address, _):
            good = await Socket.open(address)
            await good.new()
            codes = []
            with capture_logs() as logs:
                for _, message, _ in WRONG:
                    socket = await Socket.open(address, sid="another")
                    await socket.connection.send(message)
                    codes.append(await socket.closed())
            again = await good.hook("/again")
            await good.close()

        assert codes == [code for *_, code in WRONG]
        assert len(logs) == len(WRONG)
        assert again
        assert "secret" not in str(logs)

    async def test_a_call_whose_socket_was_closed_for_it_goes_on(self, desk: Desk) -> None:
        async with desk_up(desk) as (address, _):
            socket = await Socket.open(address)
            await socket.new()
            await socket.connection.send(b"\x00")
            code = await socket.closed()
            back = await Socket.open(address)
            await back.ask("session:reconnect", CALL)
            again = await back.hook("/again")
            await back.close()

        assert code == 1003
        assert again
        assert len(desk.log) == 1

    async def test_a_thousand_sockets_that_say_nothing_are_closed_and_calls_are_served_meanwhile(
        self, desk: Desk
    ) -> None:
        limits = SocketLimits(first_message=3.0)
        async with desk_up(desk, limits=limits) as (address, served), AsyncExitStack() as stack:
            silent = [await _silent(stack, address) for _ in range(1000)]
            socket = await Socket.open(address)
            verbs = await socket.new()
            async with asyncio.timeout(20):
                codes = {await _close_code(reader) for reader in silent}
            again = await socket.hook("/again")
            await until(lambda: served.sockets.open_sockets == 1)
            await socket.close()

        assert verbs
        assert again
        assert codes == {1008}


async def _silent(stack: AsyncExitStack, address: str) -> asyncio.StreamReader:
    """Open a websocket with bare bytes, and say nothing."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    stack.callback(writer.close)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: ws.jambonz.org\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    return reader


async def _close_code(reader: asyncio.StreamReader) -> int:
    frame = await reader.readexactly(4)
    assert frame[0] == 0x88
    return int.from_bytes(frame[2:4], "big")


async def test_two_tenants_never_share_a_call_whatever_sid_they_say(desk: Desk) -> None:
    access = Access(check=lambda user, given: user if given == "own" else False)
    async with desk_up(desk, access=access) as (address, served), AsyncExitStack() as sockets:
        for tenant in ("acme", "globex"):
            headers = {"Authorization": basic_header(tenant, "own")}
            socket = await Socket.open(address, additional_headers=headers)
            sockets.push_async_callback(socket.close)
            assert (await socket.ask("session:new", CALL))["data"][0] == FIRST
        await socket.status("completed")
        await until(lambda: ("status", "completed") in desk.log)

        acme, globex = served.sockets.call(SID, "acme"), served.sockets.call(SID, "globex")
        assert acme is not None
        assert globex is not None
        assert (acme.tenant, globex.tenant) == ("acme", "globex")
        assert (acme.ended, globex.ended) == (False, True)
        assert served.sockets.calls_of("acme") == {SID: acme}
        assert served.sockets.call(SID) is None
        assert acme.base == f"http://{address}"

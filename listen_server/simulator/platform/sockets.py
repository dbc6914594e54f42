"""jambonz over its websocket API: messages, acks within 5 s, commands, and a drop survived.

What is sent, acknowledged, queued and given up: lib/utils/ws-requestor.js of
jambonz-feature-server 0.9.8. webhooks.py is the other way.
"""

import asyncio
import itertools
import json
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from listen_server.jambonz.commands import MAX_MESSAGE
from listen_server.jambonz.model import Webhook
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.info import Server, shaped
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.transport import (
    AppAddress,
    CommandTaker,
    Hook,
    Kind,
    Noticer,
)
from listen_server.simulator.platform.webhooks import origin

SUBPROTOCOL: Final = Subprotocol("ws.jambonz.org")
_ACK_SECONDS: Final = 5.0  # RESPONSE_TIMEOUT_MS
_HANDSHAKE_SECONDS: Final = 1.5
_CONNECTIONS: Final = 5  # MAX_RECONNECTS: so many sockets at most
_FINAL: Final = 1000
_UNDATED: Final = ("llm:tool-output", "tts:flush", "tts:clear")
_WITH_HOOK: Final = ("verb:hook", "dial:confirm", "session:redirect")


class Sockets:
    """The application at a ws address."""

    def __init__(
        self,
        address: AppAddress,
        server: Server,
        clock: Clock,
        on_command: CommandTaker,
        notice: Noticer,
    ) -> None:
        self.base: Final = origin(address.url)
        self.call_sid = ""
        self._address = address
        self._server = server
        self._clock = clock
        self._on_command = on_command
        self._notice = notice
        self._socket: ClientConnection | None = None
        self._readers: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._session: dict[str, Any] = {}
        self._opening: str | None = None  # msgid of a session:new that has no ack yet
        self._sockets = 0
        self._backoff = 0.5
        self._gone = False

    @property
    def lasting(self) -> bool:
        """Whether there is a socket, or may be one again."""
        return not self._gone

    async def begin(self, told: dict[str, Any], *, kind: Kind = "session:new") -> Any:
        """Connect and ask for the application. Raises Refusal."""
        self._session = shaped(told, self._server)
        await self._connect()
        self._opening = self._next_id()
        return await self._acknowledged(kind, self._session, self._opening)

    async def ask(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> Any:
        """Send what wants an ack; return what comes with it. Raises Refusal."""
        if not self._sockets:  # an application that a redirect has named
            self._session = shaped(told, self._server)
            await self._connect()
        url = hook.url if isinstance(hook, Webhook) else hook
        return await self._acknowledged(kind, shaped(told, self._server), self._next_id(), url)

    async def tell(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> None:
        """Send what wants none; a dropped socket is waited for."""
        del hook
        await self._ready.wait()
        if self._socket is not None:
            await self._send(kind, shaped(told, self._server), self._next_id())

    async def close(self) -> None:
        """Close for good."""
        self._gone = True
        self._ready.set()
        if self._socket is not None:
            await self._socket.close(_FINAL)
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def _next_id(self) -> str:
        return f"sim{next(self._numbers)}"

    async def _connect(self) -> None:
        headers = {"Authorization": self._address.basic} if self._address.basic else {}
        try:
            socket = await connect(
                self._address.url,
                subprotocols=[SUBPROTOCOL],
                additional_headers=headers,
                user_agent_header="jambonz",
                max_size=MAX_MESSAGE,
                open_timeout=_HANDSHAKE_SECONDS,
                close_timeout=_HANDSHAKE_SECONDS,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise Refusal("reachable", f"the socket was answered with {status}") from None
        except (OSError, TimeoutError, WebSocketException, ValueError):
            raise Refusal("reachable", "the socket cannot be opened") from None
        if socket.subprotocol != SUBPROTOCOL:
            await socket.close()
            raise Refusal("subprotocol", "the server did not take the subprotocol ws.jambonz.org")
        self._socket = socket
        self._sockets += 1
        self._readers.add(asyncio.create_task(self._read(socket)))
        self._ready.set()

    async def _acknowledged(
        self, kind: Kind, data: dict[str, Any], msgid: str, hook: str | None = None
    ) -> Any:
        await self._ready.wait()
        if self._gone:
            return None  # the application has closed for good: nothing is sent
        ack = self._acks[msgid] = asyncio.get_running_loop().create_future()
        await self._send(kind, data, msgid, hook)
        try:
            async with asyncio.timeout(_ACK_SECONDS):
                return await ack
        except TimeoutError:
            raise Refusal("ack", f"timeout from far end for {kind}") from None
        finally:
            self._acks.pop(msgid, None)
            if msgid == self._opening:
                self._opening = None

    async def _send(
        self, kind: Kind, data: dict[str, Any], msgid: str, hook: str | None = None
    ) -> None:
        message = {"type": kind, "msgid": msgid, "call_sid": self.call_sid}
        if hook is not None and kind in _WITH_HOOK:
            message["hook"] = hook
        try:
            if self._socket is not None:
                await self._socket.send(json.dumps({**message, "data": data}))
        except ConnectionClosed:
            return  # the reader sees to it

    async def _read(self, socket: ClientConnection) -> None:
        too_large = False
        try:
            async for text in socket:
                await self._take(text)
        except ConnectionClosed as closed:
            too_large = closed.sent is not None and closed.sent.code == 1009  # noqa: PLR2004 - RFC 6455
        self._socket = None
        if self._gone:
            return
        if socket.close_code == _FINAL:
            self._notice("closes its socket for good")
            self._end(Refusal("reachable", "the application has closed its socket"))
            return
        self._notice("sends more than 24 KiB" if too_large else "drops its socket")
        self._ready.clear()
        self._abandon(Refusal("size" if too_large else "reachable", "the socket was closed"))
        with self._clock.held():
            await self._again()

    async def _again(self) -> None:
        while self._sockets < _CONNECTIONS and not self._gone:
            await asyncio.sleep(self._clock.real(self._backoff))
            self._backoff = self._backoff * 2 if self._backoff < 2 else self._backoff + 2  # noqa: PLR2004 - as jambonz
            try:
                await self._connect()
            except Refusal:
                self._sockets += 1
                continue
            await self._reconnected()
            return
        self._end(Refusal("reachable", "the socket has gone and not come back"))

    async def _reconnected(self) -> None:
        """Say which call it is; an ack of the first message is still waited for, with a new id."""
        self._notice("is reached again: session:reconnect")
        msgid = self._next_id()
        if self._opening is not None and (waiting := self._acks.pop(self._opening, None)):
            self._acks[msgid] = waiting
            await self._send("session:reconnect", self._session, msgid)
            return
        try:
            await self._acknowledged("session:reconnect", self._session, msgid)
        except Refusal as refusal:
            self._notice(f"says nothing: {refusal}")

    def _abandon(self, refusal: Refusal) -> None:
        for msgid, ack in self._acks.items():
            if msgid != self._opening and not ack.done():
                ack.set_exception(refusal)

    def _end(self, refusal: Refusal) -> None:
        self._gone = True
        self._opening = None
        self._abandon(refusal)
        self._ready.set()
        self._on_command({})  # whoever waits for commands looks again

    async def _take(self, content: str | bytes) -> None:
        """Take a message. What is none is answered with jambonz:error; binary is read as text."""
        text = content if isinstance(content, str) else content.decode(errors="replace")
        try:
            message = _checked(text)
        except Refusal as refusal:
            self._notice(f"is told jambonz:error: {refusal}")
            error = {"msg": "InvalidMessage", "details": str(refusal), "content": text}
            await self._send("jambonz:error", error, self._next_id())
            return
        if message["type"] == "command":
            self._on_command(message)
            return
        ack = self._acks.get(message["msgid"])
        if ack is not None and not ack.done():
            ack.set_result(message.get("data"))


def _checked(text: str) -> dict[str, Any]:
    """Return a message that jambonz acts upon. Raises Refusal."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("message", "it is not JSON") from None
    if not isinstance(message, dict) or not message.get("type"):
        raise Refusal("message", "type property not supplied")
    match message["type"]:
        case "ack":
            if not isinstance(message.get("msgid"), str):
                raise Refusal("message", "msgid not supplied")
        case "command":
            if not isinstance(message.get("command"), str) or not message["command"]:
                raise Refusal("message", "command property not supplied")
            told = message.get("data")
            given = bool(told) or isinstance(told, list | dict)  # as JavaScript has it
            if not given and message["command"] not in _UNDATED:
                raise Refusal("message", "data property not supplied")
        case kind:
            raise Refusal("message", f"invalid type property: {kind}")
    return message

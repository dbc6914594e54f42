"""One application socket: it reads what jambonz says, has it answered, and acknowledges it in time.

sockets.py keeps the calls, messages.py reads and writes, answering.py asks the application. What
jambonz never sends closes the socket: jambonz would come back with `session:reconnect`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from listen_server.errors import PeerError
from listen_server.jambonz.access import Peer
from listen_server.jambonz.application import Notice
from listen_server.jambonz.call import Call, Unreachable
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import (
    CallArrived,
    CallHook,
    CallStatusChanged,
    read_hook,
    read_hook_as,
)
from listen_server.jambonz.messages import (
    WANTS_VERBS,
    Elsewhere,
    Message,
    NotText,
    NotUnderstood,
    Silent,
    read_message,
    write_ack,
    write_verbs,
)
from listen_server.jambonz.model import path_of
from listen_server.jambonz.verbs import Application

if TYPE_CHECKING:
    from listen_server.jambonz.sockets import Sockets

log = structlog.get_logger(__name__)
_REMEMBERED: Final = 8  # acks of a socket that are kept, for messages that come twice
_NOTICES: Final[Mapping[str, Notice]] = {
    "queue:status": "on_queue",
    "verb:status": "on_verb",
    "jambonz:error": "on_error",
}
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_REASON: Final = 123  # bytes of a close frame's reason (RFC 6455, section 5.5)


@dataclass(slots=True)
class Live:
    """A call with its socket, and the answer to its beginning until jambonz is known to have it."""

    call: Call
    opening: asyncio.Task[bytes] | None = None


class Session:
    """One socket, from its accept to its end."""

    def __init__(self, sockets: "Sockets", websocket: WebSocket, peer: Peer) -> None:
        self._sockets = sockets
        self._peer = peer
        self._websocket = websocket
        self._writing = asyncio.Lock()
        self._in_order = asyncio.Lock()
        self._room = asyncio.Semaphore(sockets.limits.at_once)
        self._acks: OrderedDict[str, bytes | None] = OrderedDict()
        self._live: Live | None = None
        self._asked = 0  # questions that have no ack yet
        self._left = False
        self._over = False

    @property
    def idle(self) -> bool:
        """Whether jambonz waits for nothing, and the socket is there."""
        return not (self._asked or self._left or self._over)

    async def run(self) -> None:
        """Serve the socket until it closes."""
        final = False
        try:
            try:
                async with asyncio.timeout(self._sockets.limits.first_message):
                    message = await self._receive()
            except TimeoutError:
                raise Silent("the socket has said nothing") from None
            while True:
                await self._take(message)
                message = await self._receive()
        except WebSocketDisconnect as closed:
            final = closed.code == _NORMAL
        except PeerError as error:
            await self._refuse(error)
        finally:
            self._over = True
            if self._live is not None:
                self._sockets.closed(self._live, self.write, final=final)

    async def write(self, message: bytes) -> None:
        """Write one message. Raises Unreachable if the socket is gone, or is not read."""
        try:
            async with asyncio.timeout(self._sockets.limits.write), self._writing:
                await self._websocket.send({"type": "websocket.send", "text": message.decode()})
        except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            raise Unreachable("the socket of the call is gone") from None

    async def leave(self) -> None:
        """Close, because the server is about to stop; not while jambonz waits for an ack.

        jambonz comes back with `session:reconnect`, and asks nothing a second time.
        """
        await asyncio.sleep(0)  # what has come already is read first
        if self.idle:
            self._left = True
            await self._close(_GOING_AWAY, "this server is about to stop")

    async def _receive(self) -> Message:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text, data = event.get("text"), event.get("bytes")
        if text is None:
            raise NotText(f"received {len(data or b'')} bytes where only text belongs")
        return read_message(text)

    async def _refuse(self, error: PeerError) -> None:
        log.warning("an application socket was closed", code=error.close_code, why=str(error))
        await self._close(error.close_code, str(error).encode()[:_REASON].decode(errors="ignore"))

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._sockets.limits.write):
                await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            return  # it is closed

    async def _take(self, message: Message) -> None:
        """Have one message answered, beside those before it."""
        if message.wants_ack:
            if message.msgid in self._acks:
                if (ack := self._acks[message.msgid]) is not None:
                    await self._acknowledge(ack)
                return
            self._acks[message.msgid] = None
            while len(self._acks) > _REMEMBERED:
                self._acks.popitem(last=False)
        if message.opens:  # now, so that what comes next finds it
            self._open(message)
        self._asked += message.wants_ack
        await self._room.acquire()
        task = self._sockets.start(self._answer(message))
        task.add_done_callback(lambda _: self._answered(message))

    def _answered(self, message: Message) -> None:
        self._room.release()
        self._asked -= message.wants_ack
        if message.wants_ack and self._sockets.leaving():
            self._sockets.start(self.leave())

    def _open(self, message: Message) -> None:
        told = _read(CallArrived, message)
        known = self._sockets.find(told.call_sid, self._peer)
        sid, is_known = told.call_sid, known is not None
        if self._sockets.turns_away(sid, self._peer, message.type, known=is_known):
            raise Elsewhere("this server takes no new calls: it is about to stop")
        live = self._hold(told)
        if message.type == "session:adulting":
            return
        if known is None:
            live.call.resumed = message.type == "session:reconnect"
        if known is None or (message.type == "session:new" and live.opening is None):
            asked = self._sockets.answering.call(live.call, self._encode)
            live.opening = asyncio.ensure_future(asked)

    def _hold(self, told: CallHook) -> Live:
        """Make this the socket of a call: of one at a time, and of none once it is closed."""
        live, before = self._sockets.open(told, self.write, self._peer), self._live
        if before is not None and before is not live:
            self._sockets.closed(before, self.write, final=True)
        self._live = live
        if self._over:
            self._sockets.closed(live, self.write, final=False)
        return live

    async def _answer(self, message: Message) -> None:
        try:
            verbs = await self._verbs(message)
        except NotUnderstood as error:
            await self._refuse(error)
            return
        if message.wants_ack:
            ack = write_ack(message.msgid, verbs)
            if message.msgid in self._acks:
                self._acks[message.msgid] = ack
            await self._acknowledge(ack)

    async def _acknowledge(self, ack: bytes) -> None:
        try:
            await self.write(ack)
        except Unreachable:
            return  # jambonz asks again, with `session:reconnect`, or has hung up

    async def _verbs(self, message: Message) -> bytes | None:
        """Return the verbs that answer a message; None where it wants none."""
        match message.type:
            case "session:new" | "session:reconnect":
                opening = self._live.opening if self._live else None
                return await asyncio.shield(opening) if opening else None
            case "session:redirect" | "verb:hook" | "dial:confirm":
                return await self._hook(message)
            case "session:adulting":
                await self._sockets.answering.notice("on_adulting", self._call(message))
            case "call:status":
                await self._status(message)
            case "queue:status" | "verb:status" | "jambonz:error":
                name = _NOTICES[message.type]
                async with self._in_order:
                    call = self._call(message)
                    if name == "on_error":
                        for mind in list(call.minders):
                            mind(message.data)
                    await self._sockets.answering.notice(name, call, message.data)
            case _:
                log.debug("jambonz said something that we do not know")
        return None

    async def _hook(self, message: Message) -> bytes:
        answering = self._sockets.answering
        method = answering.method(path_of(message.hook))
        if method is None:
            call = self._call(message)
            missing = LookupError(answering.no_such_hook)
            return self._encode(answering.failed("hook", "call", call, missing))
        told = _read(method.model, message)
        call = self._call(message, told)
        if (live := self._sockets.find(call.sid, self._peer)) is not None:
            live.opening = None  # jambonz has had its verbs, or would not be here
        return await answering.hook(call, method, told, self._encode)

    async def _status(self, message: Message) -> None:
        told = _read(CallStatusChanged, message)
        async with self._in_order:
            call = self._call(message, told)
            call.hear(told)
            await self._sockets.answering.notice("on_status", call, told)

    def _call(self, message: Message, told: CallHook | None = None) -> Call:
        """Return the call that a message is about; one that we have not met is there all the same.

        Its socket is ours only if jambonz asks for verbs on it: one for statuses takes no command.
        """
        live = self._sockets.find(message.call_sid, self._peer) or self._live
        if live is not None and (live.call.connected or message.type not in WANTS_VERBS):
            return live.call
        told = told or _read(CallHook, message)
        if message.type in WANTS_VERBS:
            live = self._hold(told)
            live.call.resumed = True
            return live.call
        return Call(told, peer=self._peer)

    def _encode(self, application: Application) -> bytes:
        return write_verbs(application.encode(self._sockets.addresses))


def _read(model: type[CallHook] | None, message: Message) -> CallHook:
    """Read what a message says about its call. Raises NotUnderstood."""
    try:
        return read_hook_as(model, message.about_call) if model else read_hook(message.about_call)
    except Refused as refused:
        raise NotUnderstood(f"{message.type}: {refused}") from None

"""An application over HTTP: jambonz asks by POST or GET, and gets verbs as JSON.

`/` is a new call, `/call-status` its status, every other path a hook. access.py says who may ask,
answering.py what is answered.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from listen_server.jambonz.access import Access, Peer
from listen_server.jambonz.answering import Answering, Encode
from listen_server.jambonz.application import ADULTING_PATH, STATUS_PATH
from listen_server.jambonz.call import Call
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import (
    CallArrived,
    CallHook,
    CallStatusChanged,
    read_hook_as,
    read_json,
)
from listen_server.jambonz.model import Addresses
from listen_server.jambonz.replays import Answer, Replays
from listen_server.jambonz.signature import HEADER, same_hook
from listen_server.jambonz.verbs import Application, encode

log = structlog.get_logger(__name__)
MAX_BODY: Final = 1024 * 1024  # bytes
_FORGOTTEN: Final = 8 * MAX_BODY  # bytes of a larger one that are read before it is refused
_HOPELESS: Final = 9  # digits of a length that is not waited for
_NO_VERBS: Final = b"[]"


class TooLarge(Exception):  # noqa: N818 - the name is the fault
    """A body is larger than any hook."""


class Webhooks:
    """The HTTP side of one application."""

    def __init__(
        self,
        answering: Answering,
        access: Access,
        addresses: Addresses,
        connected: Callable[[str, str | None], Call | None] = lambda *_: None,
        *,
        prefix: str = "",
    ) -> None:
        """Take `connected` to find a call that has a socket, by sid and tenant.

        Its status may come by HTTP too. Hooks are below `prefix`, and below what is before that.
        """
        self.patience = 10.0
        """Seconds that a body may take to arrive."""
        self._answering = answering
        self._access = access
        self._addresses = addresses
        self._prefix = prefix
        self._connected = connected
        self._replays = Replays(2 * access.window, access.clock)

    async def endpoint(self, request: Request) -> Response:
        """Answer one hook."""
        if denied := self._access.before_body(request, signed=request.method == "POST"):
            return _fault(denied.status, denied.says, denied.headers)
        if request.method != "POST":
            return _response(*await self._answer(request, dict(request.query_params)))
        try:
            async with asyncio.timeout(self.patience):
                body = await _body(request)
        except TimeoutError:
            return _fault(408, "the body did not arrive", {"Connection": "close"})
        except TooLarge:
            return _fault(413, f"a hook has at most {MAX_BODY} bytes", {"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return await self._posted(request, body)

    async def _posted(self, request: Request, body: bytes) -> Response:
        if denied := self._access.after_body(request, body):
            return _fault(denied.status, denied.says, denied.headers)
        if not self._access.secrets:
            return _response(*await self._read(request, body))
        key = (request.url.path, same_hook(request.headers[HEADER], body))
        return _response(*await self._replays.once(key, lambda: self._read(request, body)))

    async def _read(self, request: Request, body: bytes) -> Answer:
        try:
            given = read_json(body)
        except Refused as error:
            return _told(400, str(error))
        return await self._answer(request, given)

    async def _answer(self, request: Request, given: Mapping[str, Any]) -> Answer:
        path = f"/{request.path_params.get('path', '')}"
        addresses = self._addresses.below(request.scope.get("root_path", "") + self._prefix)
        peer = self._access.peer(request)

        def encode(application: Application) -> bytes:
            return application.encode(addresses)

        try:
            if path == "/":
                call = Call(read_hook_as(CallArrived, given), addresses, peer)
                return await self._arrived(call, encode)
            if path == STATUS_PATH:
                return await self._status(read_hook_as(CallStatusChanged, given), addresses, peer)
            if (method := self._answering.method(path)) is None:
                if path == ADULTING_PATH:
                    return await self._adulting(read_hook_as(CallHook, given), addresses, peer)
                log.warning("a hook was not found", why=self._answering.no_such_hook)
                return _told(404, "the application has no such hook")
            told = self._answering.read(method, given)
            call = Call(told, addresses, peer)
            return 200, await self._answering.hook(call, method, told, encode)
        except Refused as error:
            return _told(400, str(error))

    async def _arrived(self, call: Call, encode: Encode) -> Answer:
        if self._answering.draining():
            return _told(503, "no new calls: this server is about to stop")
        return 200, await self._answering.call(call, encode)

    async def _status(self, told: CallHook, addresses: Addresses, peer: Peer) -> Answer:
        call = self._connected(told.call_sid, peer.tenant) or Call(told, addresses, peer)
        call.hear(told)
        await self._answering.notice("on_status", call, told)
        return 200, _NO_VERBS

    async def _adulting(self, told: CallHook, addresses: Addresses, peer: Peer) -> Answer:
        await self._answering.notice("on_adulting", Call(told, addresses, peer))
        return 200, _NO_VERBS


async def _body(request: Request) -> bytes:
    """Read a body. Raises TooLarge, once the rest is read and forgotten, so that it is heard."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and len(length) >= _HOPELESS:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        elif size > _FORGOTTEN:
            break
    if size > MAX_BODY:
        raise TooLarge
    return b"".join(parts)


def _told(status: int, says: str) -> Answer:
    return status, encode({"error": says})


def _response(status: int, content: bytes) -> Response:
    return Response(content, status, media_type="application/json")


def _fault(status: int, says: str, headers: Mapping[str, str]) -> Response:
    return JSONResponse({"error": says}, status, headers=headers)

"""The door: an ASGI callable that lets calls in or says why not. conversation.py goes on.

Runs under any ASGI server. Under our own (server/websocket.py) frames that arrived together come
as one message, and text is never refused for a broken character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from listen_server.admission import Admission, Admitted, Refused, Request
from listen_server.conversation import Conversation, Message, Receive, Send
from listen_server.credentials import Scope
from listen_server.live.calls import LiveCalls
from listen_server.passes import PassCheck
from listen_server.plugins import ConfiguredSink
from listen_server.routes import Match, RouteTable
from listen_server.server.websocket import EXTENSION
from listen_server.settings import RouteSettings, Settings
from listen_server.stream import Origin
from listen_server.telemetry import Telemetry

NO_ROUTE: Final = Refused(404, "no route", "no listen route has this path\n")


@dataclass(frozen=True)
class ListenRoute:
    """A route with its sinks."""

    settings: RouteSettings
    scope: Scope
    sinks: Sequence[ConfiguredSink]

    @cached_property
    def passes(self) -> PassCheck:
        """Who can tell a pass for one of its streams."""
        return PassCheck([sink.plugin for sink in self.sinks])


class ListenEndpoint:
    """An ordinary ASGI callable for every listen route."""

    def __init__(
        self,
        routes: RouteTable[ListenRoute],
        admission: Admission,
        settings: Settings,
        telemetry: Telemetry,
        live: LiveCalls,
    ) -> None:
        self._live = live
        self._routes = routes
        self._admission = admission
        self._settings = settings
        self._telemetry = telemetry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take one connection from its handshake to its final record."""
        match = self._routes.match(scope["path"])
        if scope["type"] == "http":
            await _answer_http(send, known=match is not None)
            return
        await receive()  # websocket.connect
        if match is None:
            await self._refuse(scope, send, NO_ROUTE)
            return
        decision = self._decide(scope, match.target)
        if isinstance(decision, Refused):
            await self._refuse(scope, send, decision)
            return
        self._admission.entered(decision.tenant)
        try:
            await self._converse(scope, receive, send, match, decision)
        finally:
            self._admission.left(decision.tenant)

    def _decide(self, scope: Message, route: ListenRoute) -> Admitted | Refused:
        return self._admission.decide(
            Request(
                route.scope,
                scope.get("subprotocols") or (),
                scope["headers"],
                _address(scope) or "",
                route.passes,
            )
        )

    async def _refuse(self, scope: Message, send: Send, refused: Refused) -> None:
        self._telemetry.refuse(refused.reason, offered=refused.offered, address=_address(scope))
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), *refused.headers]
        start = {"type": "websocket.http.response.start", "status": refused.status}
        await send({**start, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": refused.sentence.encode()})

    async def _converse(
        self,
        scope: Message,
        receive: Receive,
        send: Send,
        match: Match[ListenRoute],
        admitted: Admitted,
    ) -> None:
        route = match.target
        origin = Origin(
            admitted.tenant,
            admitted.account_sid,
            match.pattern,
            match.params,
            route.settings,
            route.sinks,
            self._live,
            admitted.granted,
        )
        paced = EXTENSION in (scope.get("extensions") or {})
        conversation = Conversation(
            origin, receive, send, self._settings, self._telemetry, paced=paced
        )
        accept: Message = {"type": "websocket.accept", "subprotocol": admitted.subprotocol}
        if paced:
            accept[EXTENSION] = {
                "lenient_text": True,
                "joined_binary": True,
                "read_every": self._settings.tick,
                "take_binary": conversation.take_binary,
            }
        await send(accept)
        with self._telemetry.active.track_inprogress():
            await conversation.run()


def _address(scope: Message) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


async def _answer_http(send: Send, *, known: bool) -> None:
    status, sentence = (
        (426, "this address takes websocket connections from jambonz's listen verb\n")
        if known
        else (404, "there is nothing here\n")
    )
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if known:
        headers.append((b"upgrade", b"websocket"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})

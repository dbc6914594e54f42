"""An application over jambonz's websocket API (`ws.jambonz.org`): who comes, and which call it is.

session.py speaks on each socket. A socket that drops comes back with `session:reconnect`; until
then its call waits here, and commands with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from listen_server.jambonz.access import Access, Denied, Peer
from listen_server.jambonz.answering import Answering
from listen_server.jambonz.call import Call, Write
from listen_server.jambonz.hooks import CallHook
from listen_server.jambonz.model import Addresses
from listen_server.jambonz.session import Live, Session

log = structlog.get_logger(__name__)
SUBPROTOCOL: Final = "ws.jambonz.org"


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What the sockets of an application may take."""

    sockets: int = 5000
    """Sockets at once; a further one gets 503."""
    first_message: float = 10.0
    """Seconds that a socket may be silent at its beginning."""
    resume: float = 30.0
    """Seconds that a call waits for a socket that has dropped; jambonz tries for about 20."""
    at_once: int = 16
    """Messages of one socket that are answered at once; reading waits for the rest."""
    write: float = 5.0
    """Seconds that jambonz may take to read a message."""


class Sockets:
    """The websocket side of one application, and the calls that have a socket."""

    def __init__(
        self, answering: Answering, access: Access, addresses: Addresses, limits: SocketLimits
    ) -> None:
        self.answering: Final = answering
        self.addresses: Final = addresses
        self.limits: Final = limits
        self.leaving: Callable[[], bool] = lambda: False
        """Whether each socket is to be closed behind its next answer."""
        self._access = access
        self._sessions: set[Session] = set()
        self._lives: dict[tuple[str | None, str], Live] = {}
        self._turned_away: set[tuple[str | None, str]] = (
            set()
        )  # calls that came while the server drains
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> Mapping[str, Call]:
        """Calls with a socket, or whose socket may come back, by sid."""
        return {sid: live.call for (_, sid), live in self._lives.items()}

    def calls_of(self, tenant: str | None) -> Mapping[str, Call]:
        """Return those of a tenant, as their credentials say it."""
        return {sid: live.call for (owner, sid), live in self._lives.items() if owner == tenant}

    def call(self, sid: str, tenant: str | None = None) -> Call | None:
        """Return one of them."""
        live = self._lives.get((tenant, sid))
        return live.call if live else None

    @property
    def connected(self) -> int:
        """How many calls have a socket at this moment."""
        return sum(live.call.connected for live in self._lives.values())

    @property
    def open_sockets(self) -> int:
        """How many sockets there are, of calls or not."""
        return len(self._sessions)

    def leave(self, *, idle: bool) -> int:
        """Return how many sockets there are still; with `idle`, close those that are asked nothing.

        For a server that is about to stop. The others are closed behind their answers (`leaving`).
        """
        for session in self._sessions if idle else ():
            if session.idle:
                self.start(session.leave())
        return self.open_sockets

    def turns_away(self, sid: str, peer: Peer, kind: str, *, known: bool) -> bool:
        """Tell whether a call, perhaps one that is known here, is to go to another server.

        After its `session:new` was turned away it comes with `session:reconnect`, as do those that
        are on, and have lost their server.
        """
        if self.leaving():
            return kind != "session:adulting"
        if known or not self.answering.draining():
            return False
        if kind == "session:new":
            self._turned_away.add((peer.tenant, sid))
        return (peer.tenant, sid) in self._turned_away

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one socket to its end."""
        if denied := self._refusal(websocket):
            answer = JSONResponse(
                {"error": denied.says}, denied.status, headers=denied.headers or None
            )
            await websocket.send_denial_response(answer)
            return
        session = Session(self, websocket, self._access.peer(websocket))
        self._sessions.add(session)
        try:
            await websocket.accept(subprotocol=SUBPROTOCOL)
            await session.run()
        finally:
            self._sessions.discard(session)

    def _refusal(self, websocket: WebSocket) -> Denied | None:
        if denied := self._access.before_body(websocket, signed=False):
            return denied
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            return Denied(400, f"the subprotocol {SUBPROTOCOL} is spoken here, and no other")
        if self.open_sockets >= self.limits.sockets:
            return Denied(503, f"there are {self.open_sockets} application sockets already")
        return None

    def find(self, sid: str, peer: Peer) -> Live | None:
        """Return a call of a peer's that has a socket, or had one a moment ago."""
        return self._lives.get((peer.tenant, sid))

    def open(self, told: CallHook, write: Write, peer: Peer) -> Live:
        """Give a socket to a call; to a new one where none of that sid is here."""
        key = peer.tenant, told.call_sid
        live = self._lives.get(key)
        if live is None:
            live = self._lives[key] = Live(Call(told, self.addresses, peer))
            live.call.application = type(self.answering.application).__name__
        live.call.hear(told)
        live.call.attach(write, patience=self.limits.resume)
        return live

    def closed(self, live: Live, write: Write, *, final: bool) -> None:
        """Take a socket from its call. Unless jambonz has said good-bye, the call waits."""
        if not live.call.detach(write):
            return  # another socket is in its place
        if final or live.call.ended:
            self._forget(live)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(self.limits.resume, self._forget_if_gone, live)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that may outlive its socket."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget_if_gone(self, live: Live) -> None:
        if not live.call.connected:
            self._forget(live)

    def _forget(self, live: Live) -> None:
        live.call.end()
        key = live.call.tenant, live.call.sid
        if self._lives.get(key) is live:
            del self._lives[key]

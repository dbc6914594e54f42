"""The routes of the voicemail application: both applications, audio, a page. live/parts.py asks.

PATH         leaving: hooks by GET and POST, a websocket, a page for browsers
PATH/owner   fetching: the same; its hooks are below PATH, too
PATH/audio   what is played
PATH/mail    the page that a link in a mail leads to
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from listen_server.admission import Admission
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.jambonz import Access, Served, addresses_of
from listen_server.jambonz.access import Denied
from listen_server.jambonz.application import STATUS_PATH
from listen_server.jambonz.sockets import Sockets
from listen_server.settings import Settings
from listen_server.telemetry import Telemetry
from listen_server.voicemail.applications import Fetching, Leaving
from listen_server.voicemail.audio import AudioDoor
from listen_server.voicemail.config import stream_route
from listen_server.voicemail.desk import Desk
from listen_server.voicemail.listening_page import ListeningPage
from listen_server.voicemail.page import page, wants_page
from listen_sinks.voicemail.plugin import Voicemail


class SignedOrKnown(Access):
    """Where hooks are signed, those by POST need no user; all others do."""

    def before_body(self, connection: HTTPConnection, *, signed: bool) -> Denied | None:
        """As any other, but for what a signature will show."""
        if self.secrets and signed and "authorization" not in connection.headers:
            return None
        return super().before_body(connection, signed=signed)


@dataclass(frozen=True, slots=True)
class Mounted:
    """What is served, and the calls that have a socket."""

    path: str
    routes: list[BaseRoute]
    sockets: tuple[Sockets, ...]
    settle: Callable[[], Awaitable[None]]
    """Finishes what nobody waits for; before the sink is closed."""


class VoicemailRoutes:
    """Makes the routes. Raises ConfigError where the sink is of another kind."""

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        credentials: CredentialStore,
        plugins: Iterable[Any],
        telemetry: Telemetry | None = None,
    ) -> None:
        self._settings = settings
        self._admission = admission
        wanted = self._wanted = settings.voicemail
        plugin = _plugin(wanted.sink, plugins)
        listen = stream_route(wanted, settings.routes)
        if listen is None:
            raise ConfigError(f"[voicemail] no route has the sink {wanted.sink!r}")
        addresses = addresses_of(settings)
        secure = settings.behind_tls_proxy or settings.tls_cert is not None
        self.desk = Desk(plugin, wanted, listen, addresses, secure=secure)
        if telemetry is not None:
            self.desk.pin_tried = telemetry.pin_tried
        access = _access(settings, admission, credentials)
        self._applications = Leaving(self.desk), Fetching(self.desk)
        self._leaving, self._fetching = (
            Served(one, prefix=wanted.path, access=access, addresses=addresses)
            for one in self._applications
        )

    def mounted(self) -> Mounted:
        """Return what is served."""
        path, leaving, fetching = self._wanted.path, self._leaving, self._fetching
        methods = ["GET", "HEAD", "POST"]
        audio = AudioDoor(self.desk).endpoint
        routes = [
            Route(f"{path}/audio/{{token}}.wav", audio, methods=["GET", "HEAD"]),
            Route(f"{path}/mail/{{token:path}}", ListeningPage(self.desk).endpoint),
            *(
                Route(f"{path}/owner{slash}", self._paged(fetching), methods=methods)
                for slash in ("", "/")
            ),
            WebSocketRoute(f"{path}/owner", fetching.sockets.endpoint),
            Route(f"{path}/owner{STATUS_PATH}", _status_of(fetching), methods=["GET", "POST"]),
            *(Route(path + slash, self._paged(leaving), methods=methods) for slash in ("", "/")),
            *leaving.routes,
        ]
        return Mounted(path, routes, (leaving.sockets, fetching.sockets), self._settle)

    async def _settle(self) -> None:
        await asyncio.gather(*(one.settle() for one in self._applications))

    def _paged(self, served: Served) -> Any:
        async def endpoint(request: Request) -> Response:
            if not wants_page(request):
                return await served.webhooks.endpoint(request)
            web = self._settings.public_web_url or str(request.base_url).rstrip("/")
            return page(
                path=self._wanted.path,
                web=web,
                open_=self._admission.open,
                retrieval=self._wanted.retrieval,
            )

        return endpoint


def _status_of(served: Served) -> Any:
    """Take the status of calls also where it is looked for: below the application's address."""

    async def endpoint(request: Request) -> Response:
        request.path_params["path"] = STATUS_PATH.removeprefix("/")
        return await served.webhooks.endpoint(request)

    return endpoint


def _plugin(name: str, plugins: Iterable[Any]) -> Voicemail:
    for plugin in plugins:
        if isinstance(plugin, Voicemail) and plugin.context.name == name:
            return plugin
    raise ConfigError(f"[voicemail] the sink {name!r} is no voicemail sink")


def _access(settings: Settings, admission: Admission, credentials: CredentialStore) -> Access:
    wanted = settings.voicemail
    secrets = [secret.get_secret_value() for secret in wanted.secrets]
    if admission.open:
        return Access(secrets=secrets, tenant=wanted.tenant)

    def check(user: str, password: str) -> bool | str:
        found = credentials.check(user, password)
        return found.tenant if found and "listen" in found.scopes else False

    return SignedOrKnown(secrets=secrets, check=check, tenant=wanted.tenant)

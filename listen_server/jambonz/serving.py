"""An application as something that uvicorn runs: its routes, over webhooks and websocket alike.

jambonz decides which: by the address of the application, https:// or wss://.
"""

from dataclasses import replace
from typing import Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute

from listen_server.jambonz.access import Access
from listen_server.jambonz.answering import Answering
from listen_server.jambonz.application import CallApplication
from listen_server.jambonz.here import names_in
from listen_server.jambonz.model import NOWHERE, Addresses
from listen_server.jambonz.sockets import SocketLimits, Sockets
from listen_server.jambonz.webhooks import Webhooks
from listen_server.settings import Settings


def addresses_of(settings: Settings) -> Addresses:
    """Return the addresses that verbs carry: those of the settings."""
    return Addresses(web=settings.public_web_url, audio=settings.public_audio_url)


class Served:
    """One application with its two transports; `calls` are those that have a socket."""

    def __init__(
        self,
        application: CallApplication,
        *,
        prefix: str = "",
        access: Access | None = None,
        addresses: Addresses = NOWHERE,
        limits: SocketLimits | None = None,
    ) -> None:
        """Serve below a prefix such as `/desk`; whole addresses are made with `addresses`."""
        _check(application)
        access = access or Access()
        access = replace(access, names=(*access.names, *names_in(addresses.web)))
        answering = Answering(application)
        # over the websocket a hook stays a path: jambonz would ask a whole address by HTTP
        self.sockets: Final = Sockets(
            answering, access, Addresses(audio=addresses.audio), limits or SocketLimits()
        )
        self.webhooks: Final = Webhooks(
            answering, access, addresses, self.sockets.call, prefix=prefix
        )
        self.routes: Final = self._routes(prefix)

    def _routes(self, prefix: str) -> list[BaseRoute]:
        paths = [f"{prefix}/{{path:path}}", *([prefix] if prefix else [])]
        http = [Route(path, self.webhooks.endpoint, methods=["GET", "POST"]) for path in paths]
        return [*http, *(WebSocketRoute(path, self.sockets.endpoint) for path in paths)]


def _check(application: object) -> None:
    """Say what is wrong before the first call would hear an apology. Raises TypeError."""
    if isinstance(application, type) and issubclass(application, CallApplication):
        name = application.__name__
        raise TypeError(f"an application is served, not its class: {name}() instead of {name}")
    if not isinstance(application, CallApplication):
        raise TypeError(f"{type(application).__name__} is no CallApplication")
    if type(application).on_call is CallApplication.on_call:
        raise TypeError(f"{type(application).__name__} has no on_call: nothing says what calls do")


def served(
    application: CallApplication,
    *,
    prefix: str = "",
    access: Access | None = None,
    addresses: Addresses = NOWHERE,
    limits: SocketLimits | None = None,
) -> Starlette:
    """Return an application that `uvicorn module:name` runs by itself."""
    made = Served(application, prefix=prefix, access=access, addresses=addresses, limits=limits)
    return Starlette(routes=made.routes)

"""The one file that knows every part: it makes them, joins them, opens and closes them.

path --ListenEndpoint--> Stream --Buffered--> sinks        admin: /livez /readyz /metrics
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from listen_server.admission import Admission
from listen_server.backlog import Backlog
from listen_server.contradictions import contradictions
from listen_server.conversation import Message, Receive, Send
from listen_server.credentials import CredentialStore, Scope
from listen_server.endpoint import ListenEndpoint, ListenRoute
from listen_server.errors import ConfigError
from listen_server.files import private_directory
from listen_server.health import Health
from listen_server.live.calls import LiveCalls
from listen_server.live.parts import LiveParts
from listen_server.outbox import Outbox
from listen_server.plugins import ConfiguredSink, configure_sinks
from listen_server.routes import RouteTable
from listen_server.server.drain import Drain
from listen_server.settings import Settings
from listen_server.startup import exposure_faults
from listen_server.telemetry import Telemetry
from listen_server.traces import make_traces
from listen_sinks.api import SinkError

log = structlog.get_logger(__name__)


class App:
    """A whole server but for its sockets: `asgi` takes calls, `admin` answers probes.

    Making one reads files and makes the data directory: not for the event loop. Raises ConfigError.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        multiprocess_dir: Path | None = None,
        run_dir: Path | None = None,
        make_data_dir: bool = True,
    ) -> None:
        self.settings = settings
        if make_data_dir:
            _prepare(settings.data_dir)
        self.telemetry = Telemetry(multiprocess_dir, make_traces(settings.otlp_endpoint))
        self.credentials = CredentialStore(settings.data_dir)
        for _, fault in (*contradictions(settings), *exposure_faults(settings)):
            raise ConfigError(fault)
        self.outbox = Outbox(settings, self.telemetry)
        self.sinks = configure_sinks(settings)
        self.telemetry.expect(self.sinks)
        self.health = Health(settings, self.credentials, self.telemetry)
        self.admission = Admission(
            settings,
            self.credentials,
            unavailable=self.health.unavailable,
            unavailable_to_sent=partial(self.health.unavailable, draining_matters=False),
            clock=monotonic,
        )
        self.live = LiveCalls()
        table = RouteTable(_routes(settings, self.sinks))
        self.endpoint = ListenEndpoint(table, self.admission, settings, self.telemetry, self.live)
        plugins = [sink.plugin for sink in self.sinks.values()]
        self._parts = LiveParts(
            *(settings, self.live, self.admission, self.credentials, plugins, run_dir),
            draining=self._draining,
            telemetry=self.telemetry,
        )
        self._http = Starlette(
            routes=[*self._parts.routes, Mount("/", app=self.endpoint)], lifespan=self._lifespan
        )
        self.admin = Starlette(
            routes=[
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
            ]
        )

    @property
    def busy(self) -> int:
        """How many streams are on, and calls that an application has by websocket."""
        return self.admission.active + self._parts.connected

    def leaves(self, drain: Drain) -> None:
        """Let go of the sockets of applications before the server stops."""
        self._parts.leaves(drain)

    def _draining(self) -> bool:
        return self.health.draining()  # which is said later

    async def asgi(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take a call, or anything else that HTTP brings.

        A call goes to the endpoint by the shortest way: each layer between is woken with it.
        """
        if scope["type"] == "websocket" and not self._parts.serves(scope["path"]):
            await self.endpoint(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with self.outbox.open(self.sinks), self._open():
            yield

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        await _open_all(self.sinks.values())
        await self._parts.open()
        gc.freeze()  # what is here now stays: no use in looking through it with every call
        await asyncio.to_thread(self.health.look)
        self.health.opened([sink.plugin for sink in self.sinks.values()])
        _say_who_may_stream(self.settings, self.admission, self.credentials)
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await self._parts.settle()
            await _close_all(self.sinks.values())
            await self._parts.close()
            await asyncio.to_thread(self.telemetry.traces.close)

    async def _watch(self) -> None:
        plugins = {name: sink.plugin for name, sink in self.sinks.items()}
        async with asyncio.TaskGroup() as group:
            group.create_task(self.health.watch())
            group.create_task(Backlog(plugins, self.telemetry.backlog).watch())

    async def _livez(self, _request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _readyz(self, _request: Request) -> Response:
        why = self.health.unavailable()
        if why is None and self.admission.active >= self.settings.max_streams:
            why = "full"
        return PlainTextResponse(f"{why or 'ready'}\n", status_code=503 if why else 200)

    async def _metrics(self, _request: Request) -> Response:
        content = await asyncio.to_thread(self.telemetry.exposition)
        return Response(content, media_type=CONTENT_TYPE_LATEST)


async def _open_all(sinks: Iterable[ConfiguredSink]) -> None:
    """Open every sink. Raises ConfigError for the first that does not open; the others close."""
    opened: list[ConfiguredSink] = []
    for sink in sinks:
        try:
            await sink.plugin.open()
        except Exception as error:
            for other in opened:
                await other.plugin.close()
            says = (
                str(error) if isinstance(error, SinkError) else f"{type(error).__name__}: {error}"
            )
            raise ConfigError(f"sink {sink.name!r} does not open: {says}") from error
        opened.append(sink)


async def _close_all(sinks: Iterable[ConfiguredSink]) -> None:
    """Close every sink, all at once: one may wait for the last words of another."""
    closing = {sink.name: sink.plugin.close() for sink in sinks}
    results = await asyncio.gather(*closing.values(), return_exceptions=True)
    for name, result in zip(closing, results, strict=True):
        if isinstance(result, BaseException):
            log.error("a sink did not close", sink=name, exc_info=result)


def _say_who_may_stream(
    settings: Settings, admission: Admission, credentials: CredentialStore
) -> None:
    add = "`listen-server credentials add TENANT`"
    if settings.open and len(credentials):
        log.warning("--open: streams need no credential, though there are some")
    elif admission.open and not settings.open:
        log.warning("no credential: every program on this machine may stream", fix=add)
    elif not admission.open and not len(credentials):
        log.warning("every credential is revoked: nobody may stream", fix=f"{add}, or --open")


def _routes(settings: Settings, sinks: Mapping[str, ConfiguredSink]) -> Mapping[str, ListenRoute]:
    return {
        pattern: ListenRoute(route, _scope(pattern), tuple(sinks[name] for name in route.sinks))
        for pattern, route in settings.routes.items()
    }


def _scope(pattern: str) -> Scope:
    """Return what a credential needs there: jambonz's own recorder calls `.../record/<vendor>`."""
    return "record" if "record" in pattern.split("/") else "listen"


def _prepare(data_dir: Path) -> None:
    try:
        private_directory(data_dir)
    except OSError as error:
        raise ConfigError(
            f"cannot make the data directory {data_dir} ({_why(error, data_dir)}): "
            "name another with --data-dir"
        ) from None


def _why(error: OSError, data_dir: Path) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{data_dir} is not a directory" if data_dir.exists() else "a file is in the way"
    return os.strerror(error.errno or 0)

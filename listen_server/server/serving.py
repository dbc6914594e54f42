"""Runs an application on its audio port and another on the admin port, in one event loop.

    bind -> certificate -> admin port -> application's start -> audio port -> ... -> drain

Owns SIGTERM and SIGINT: the first drains (drain.py), a second stops now, a third waits for
nothing. workers.py runs several of these.
"""

import asyncio
import contextlib
import math
import multiprocessing
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

from listen_server.errors import ConfigError
from listen_server.server.drain import Drain
from listen_server.server.draining import DrainingServer, PortServer
from listen_server.server.handshake import ListenConfig, ListenHTTPProtocol
from listen_server.server.lifespan import Lifespan
from listen_server.server.options import ServerOptions
from listen_server.server.reports import Reporter, ignore
from listen_server.server.sockets import Bound, Sockets, bind, bound
from listen_server.server.tls import Certificate
from listen_server.server.websocket import ListenWebSocketProtocol

Application: TypeAlias = Any  # any ASGI callable; each framework has a type of its own


def serve(
    app: Application,
    admin_app: Application | None,
    options: ServerOptions,
    *,
    drain: Drain | None = None,
    sockets: Sockets | None = None,
    on_bound: Callable[[Bound], None] = lambda _: None,
    report: Reporter = ignore,
) -> None:
    """Serve until a signal ends it and the last call is over; returns, so that exit code 0 follows.

    `on_bound` is called when calls are answered. Raises ConfigError for ports and certificate,
    and whatever the application's start raises. `sockets` are a worker's (workers.py).
    """
    server = ListenServer(app, admin_app, options, drain=drain, sockets=sockets, report=report)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(server.run(on_bound))


@contextlib.asynccontextmanager
async def running(
    app: Application,
    admin_app: Application | None,
    options: ServerOptions,
    *,
    drain: Drain | None = None,
    report: Reporter = ignore,
) -> AsyncIterator[Bound]:
    """Serve in the event loop that is running, with no hand on signals, for as long as the block.

    At its end calls that are on are closed with 1001 and the application may finish.
    """
    drain = drain or Drain()
    server = await asyncio.to_thread(
        ListenServer, app, admin_app, options, drain=drain, report=report
    )
    reached: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(server.run(reached.set_result, signals=False))
    either: set[asyncio.Future[Any]] = {task, reached}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if reached.done():
            yield reached.result()
    finally:
        drain.stop()
        await task


class ListenServer:
    """The two listeners of one process and what they share."""

    def __init__(
        self,
        app: Application,
        admin_app: Application | None,
        options: ServerOptions,
        *,
        drain: Drain | None = None,
        sockets: Sockets | None = None,
        report: Reporter = ignore,
    ) -> None:
        """Take the ports and the certificate; a ConfigError says what is wrong with them."""
        self._options = options
        self._certificate = _certificate(options, report)
        self._sockets = sockets or bind(options, admin=admin_app is not None)[0]
        context = self._certificate.context if self._certificate else None
        config = _config(app, options, report)
        self._audio = DrainingServer(config, context, drain or Drain(), options.drain_deadline)
        self._admin: PortServer | None = None
        if admin_app is not None:
            self._admin = PortServer(_config(admin_app, options, report, admin=True))

    async def run(self, on_bound: Callable[[Bound], None], *, signals: bool = True) -> None:
        """Serve to the end; see `serve`."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._sockets.close)
            if self._admin is not None:
                await stack.enter_async_context(_beside(self._admin, self._sockets))
            if self._certificate is not None:
                watch = self._certificate.watch(self._options.tls_check_interval)
                stack.callback(asyncio.create_task(watch).cancel)
            if signals:
                stack.callback(self._follow_parent())
            self._audio.on_started = lambda: self._answer_from_here(on_bound)
            await self._audio.run_on(self._sockets.audio, signals=signals)

    def _answer_from_here(self, on_bound: Callable[[Bound], None]) -> None:
        on_bound(bound(self._sockets, self._options))
        self._sockets.tell_ready()

    def _follow_parent(self) -> Callable[[], object]:
        """Drain when the process that supervises this one is gone (its sentinel is readable)."""
        parent = multiprocessing.parent_process()
        if parent is None:
            return lambda: None
        loop, sentinel = asyncio.get_running_loop(), parent.sentinel

        def orphaned() -> None:
            loop.remove_reader(sentinel)
            self._audio.begin_drain()

        loop.add_reader(sentinel, orphaned)
        return lambda: loop.remove_reader(sentinel)


@contextlib.asynccontextmanager
async def _beside(admin: PortServer, sockets: Sockets) -> AsyncIterator[None]:
    """Run the admin port from before the application's start until after its end."""
    task = asyncio.create_task(admin.run_on(sockets.admin, signals=False))
    try:
        yield
    finally:
        admin.should_exit = True
        await task


def _certificate(options: ServerOptions, report: Reporter) -> Certificate | None:
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        raise ConfigError("--tls-cert and --tls-key go together: give both, or neither")
    return Certificate(options.tls_cert, options.tls_key, report)


def _config(
    app: Application, options: ServerOptions, report: Reporter, *, admin: bool = False
) -> ListenConfig:
    """Tell uvicorn all that it would otherwise guess or read from the environment."""
    fast = ListenWebSocketProtocol if options.fast_receive else "websockets-sansio"
    config = ListenConfig(
        app,
        handshake_timeout=options.handshake_timeout,
        report=report,
        http=ListenHTTPProtocol,
        ws="none" if admin else fast,
        ws_max_size=options.max_message_bytes,
        ws_ping_interval=options.ping_interval,
        ws_ping_timeout=options.ping_timeout,
        ws_per_message_deflate=False,  # jambonz offers none; a small message could unpack large
        interface="asgi3",
        lifespan="off" if admin else "on",
        log_config=None,
        log_level="warning",  # below it are addresses and paths
        access_log=False,
        workers=1,
        server_header=False,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        timeout_graceful_shutdown=math.ceil(options.finish_timeout),
    )
    config.load()
    if not admin:
        config.lifespan_class = Lifespan
    return config


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's where it is installed; None is asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop

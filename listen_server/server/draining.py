"""uvicorn's server, on sockets that are bound already, with an end that cuts no call.

uvicorn closes every websocket when SIGTERM comes; a call has no second connection, so here
the signal only moves the `Drain`, and sockets are closed when that is over. serving.py makes
these and runs them.
"""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import uvicorn

from listen_server.server.drain import Drain, DrainState
from listen_server.server.handshake import ListenConfig
from listen_server.server.reports import DrainBegan, DrainEnded


class PortServer(uvicorn.Server):
    """One application on one port, perhaps of several addresses."""

    config: ListenConfig
    lifespan: Any  # of uvicorn's configuration, or ours

    def __init__(self, config: ListenConfig, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(config)
        self._tls = tls

    async def run_on(self, sockets: list[socket.socket], *, signals: bool) -> None:
        """Serve until `should_exit`; `signals` takes SIGTERM and SIGINT for that time."""
        await (self.serve if signals else self._serve)(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen; half a TLS handshake has a deadline as well."""
        await self.lifespan.startup()
        options: dict[str, Any] = {"backlog": self.config.backlog}
        if self._tls is not None:
            options |= {"ssl": self._tls, "ssl_handshake_timeout": self.config.handshake_timeout}
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(self._protocol, sock=one, **options) for one in sockets or ()
        ]
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn's own kind
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


class DrainingServer(PortServer):
    """The audio port. A first signal drains, a second stops, a third waits for nothing."""

    def __init__(
        self, config: ListenConfig, tls: ssl.SSLContext | None, drain: Drain, deadline: float
    ) -> None:
        super().__init__(config, tls)
        self.on_started: Callable[[], None] = lambda: None
        self._drain = drain
        self._deadline = deadline  # s
        self._starting: asyncio.Task[None] | None = None
        self._told = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, unless a signal says otherwise before it is done."""
        if self.should_exit:
            return
        self._starting = asyncio.create_task(super().startup(sockets))
        try:
            await self._starting
        except asyncio.CancelledError:
            if not self.should_exit:
                raise
        else:
            self.on_started()

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to go."""
        await super().on_tick(counter)
        over = self._drain.is_over()
        if not self._told and self._drain.state is not DrainState.SERVING:
            self._told = True
            self.config.report(DrainBegan(self._drain.live(), self._deadline))
        if over:
            self.config.report(DrainEnded(self._drain.live()))
        return over

    def begin_drain(self) -> None:
        """Take no new calls; end when those that are on have ended, or at the deadline."""
        self._drain.begin(self._deadline)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take SIGTERM and SIGINT, but none that is ignored: a worker's parent gets Ctrl-C."""
        before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
        taken = {one: handler for one, handler in before.items() if handler != signal.SIG_IGN}
        for one in taken:
            signal.signal(one, self.handle_exit)
        try:
            yield
        finally:
            for one, handler in taken.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler
        """Act on SIGTERM or SIGINT."""
        if not self.started:
            self.should_exit = True
            self._drain.stop()
            if self._starting is not None:
                self._starting.get_loop().call_soon_threadsafe(self._starting.cancel)
        elif self._drain.accepting:
            self.begin_drain()
        elif self._drain.state is DrainState.DRAINING:
            self._drain.stop()
        else:
            self.force_exit = True

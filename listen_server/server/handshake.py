"""uvicorn's HTTP protocol class with a deadline for half a request. websocket.py comes next.

A connection that never finishes a request head costs a file descriptor for as long as it
likes: uvicorn's only timer is for connections that were idle after an answer.
"""

import asyncio
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from listen_server.server.reports import HandshakeTimedOut, Reporter, RequestRefused, ignore


class ListenConfig(uvicorn.Config):
    """uvicorn's configuration, with what our protocol classes want to know besides."""

    def __init__(
        self, *args: Any, handshake_timeout: float, report: Reporter = ignore, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.handshake_timeout = handshake_timeout  # s
        self.report = report


class ListenHTTPProtocol(H11Protocol):
    """One connection until it is a websocket; needs a `ListenConfig`.

    The head of each request must be whole `handshake_timeout` seconds after the connection
    was made or, on a connection that is used again, after its first byte. The same goes for
    the rest of a body that still drips in when its request is answered already. What is no
    request is answered with 400 and reported.
    """

    config: ListenConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._handed_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the clock: silence is half a request too."""
        super().connection_made(transport)
        self._time_the_request()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport."""
        super().data_received(data)
        self._time_the_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, with bytes that came behind the head; stock loses them."""
        self._handed_over = True
        super().handle_websocket_upgrade(event)
        websocket: Any = self.transport.get_protocol()
        if websocket.close_sent or not websocket.handshake_initiated:
            self._report_refusal("not a websocket")
        early, _ = self.conn.trailing_data
        if early:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(early)

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 could not read, and report it: stock has a log line of its own."""
        self._report_refusal("not HTTP")
        super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing where stock does: the application answers such a request."""

    def _report_refusal(self, reason: str) -> None:
        self.config.report(RequestRefused(reason, self.client[0] if self.client else None))

    def _time_the_request(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        answering = cycle is not None and not cycle.response_complete
        awaited = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if answering or self._handed_over or not awaited:
            self._stop_timer()
        elif self._timer is None:
            delay = self.config.handshake_timeout
            self._timer = self.loop.call_later(delay, self._request_is_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _request_is_late(self) -> None:
        self.config.report(HandshakeTimedOut(self.client[0] if self.client else None))
        self.transport.abort()

"""Calls for tests of workers: streams and application sockets that a worker has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from listen_codecs.formats import AudioFormat
from listen_server.jambonz import Call as SocketCall
from listen_server.jambonz import CallHook
from listen_server.live.calls import LiveCalls
from listen_server.live.here import Here
from listen_sinks.api import Call, CallControl

TENANT = "acme"


class Worker(Here):
    """A worker, with a hand on what it has."""

    def __init__(self) -> None:
        self.calls = LiveCalls()
        self.sockets = Sockets()
        self.calls.add_application(TENANT, self.sockets)
        self.paused: list[str] = []
        super().__init__(self.calls, patience=0.0)

    def streams(self, sid: str, **more: Any) -> None:
        """Have a stream of a call."""
        made = Call(
            stream_id=f"stream of {sid}",
            tenant=TENANT,
            route="/listen",
            path_params={},
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            format=AudioFormat(8000, "mono"),
            metadata_quality="exact",
            control=cast("CallControl", None),
            call_sid=sid,
            **more,
        )
        self.calls.began(made, ["recording"], lambda: self.paused.append(sid))


class Sockets:
    """Application sockets, each with what was written to it."""

    def __init__(self) -> None:
        self.calls: dict[str, SocketCall] = {}
        self.written: list[bytes] = []

    def open(self, sid: str) -> SocketCall:
        """Have the socket of a call."""
        call = self.calls[sid] = SocketCall(CallHook(call_sid=sid))
        call.attach(self.write, patience=0.05)
        return call

    def drop(self, sid: str) -> None:
        """Lose it, for the time being."""
        self.calls[sid].detach(self.write)

    async def write(self, message: bytes) -> None:
        """Be written to."""
        self.written.append(message)

    def calls_of(self, _tenant: str | None) -> Mapping[str, SocketCall]:
        """Return all."""
        return self.calls

    def call(self, sid: str, _tenant: str | None = None) -> SocketCall | None:
        """Return one."""
        return self.calls.get(sid)

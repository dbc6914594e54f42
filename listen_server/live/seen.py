"""A call as it is seen from all workers of a server: values that go from one process to another.

here.py makes them of calls.py's, crew.py joins what several workers have seen of one call.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listen_server.live.calls import LiveCall


@dataclass(frozen=True, slots=True)
class SeenStream:
    """A stream that is on, in some worker."""

    stream_id: str
    route: str
    started_at: datetime
    sample_rate: int  # Hz
    mix: str
    direction: str | None
    parent_call_sid: str | None = field(repr=False)
    account_sid: str | None = field(repr=False)
    sinks: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        return {
            "stream_id": self.stream_id,
            "route": self.route,
            "started_at": self.started_at.isoformat(),
            "sample_rate": self.sample_rate,
            "mix": self.mix,
            "direction": self.direction,
            "parent_call_sid": self.parent_call_sid,
            "sinks": list(self.sinks),
        }


@dataclass(frozen=True, slots=True)
class SeenSocket:
    """The application socket through which a call can be commanded, in some worker."""

    call_sid: str = field(repr=False)
    """Whose it is: the call's own, or that of the call which it is a leg of."""
    connected: bool
    """Whether it is open; one that has dropped may come back, to whichever worker."""
    application: str = ""
    """The name of the application that the call is in."""
    began_at: datetime | None = None
    """When the application first heard of the call."""

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        began = self.began_at.isoformat() if self.began_at else None
        return {"name": self.application, "started_at": began}


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call that is on, as far as it was seen."""

    tenant: str
    call_sid: str = field(repr=False)
    streams: tuple[SeenStream, ...] = ()
    socket: SeenSocket | None = None

    @property
    def is_leg(self) -> bool:
        """Whether the socket is another call's, so that commands must name this one."""
        return self.socket is not None and self.socket.call_sid != self.call_sid

    @property
    def parents(self) -> list[str]:
        """The calls that its streams say it is a leg of."""
        named = [one.parent_call_sid for one in self.streams]
        return list(dict.fromkeys(sid for sid in named if sid))

    @property
    def account_sid(self) -> str | None:
        """The account that its streams name."""
        return next((one.account_sid for one in self.streams if one.account_sid), None)

    @property
    def started_at(self) -> datetime | None:
        """When its first stream began; None if it has none."""
        return min((one.started_at for one in self.streams), default=None)

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        return {
            "call_sid": self.call_sid,
            "application_socket": self.socket is not None,
            "application": self.socket.shown() if self.socket else None,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "streams": [one.shown() for one in self.streams],
        }


def seen(call: LiveCall) -> SeenCall:
    """Return what a worker sees of a call that it has."""
    streams = tuple(
        SeenStream(
            stream_id=one.call.stream_id,
            route=one.call.route,
            started_at=one.call.started_at,
            sample_rate=one.call.format.sample_rate,
            mix=one.call.format.mix,
            direction=one.call.direction,
            parent_call_sid=one.call.parent_call_sid,
            account_sid=one.call.account_sid,
            sinks=one.sinks,
        )
        for one in call.streams
    )
    return SeenCall(call.tenant, call.call_sid, streams, _socket(call))


def _socket(call: LiveCall) -> SeenSocket | None:
    if (one := call.socket) is None:
        return None
    return SeenSocket(one.sid, one.connected, one.application, one.began)

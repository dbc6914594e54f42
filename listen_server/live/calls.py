"""Which calls are on: the streams and the application socket of each, by tenant and callSid.

stream.py and jambonz/sockets.py say what begins and ends; commander.py commands, api.py shows.
A callSid is what jambonz, or whoever has a tenant's credential, says: it never leaves its tenant.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from listen_sinks.api import Call

if TYPE_CHECKING:
    from listen_server.jambonz.call import Call as SocketCall


class HasCalls(Protocol):
    """An application with sockets."""

    @property
    def calls(self) -> "Mapping[str, SocketCall]":
        """Calls that have a socket, or whose socket may come back, by callSid."""

    def calls_of(self, tenant: str | None) -> "Mapping[str, SocketCall]":
        """Return those that were brought with a tenant's credential."""

    def call(self, sid: str, tenant: str | None = None) -> "SocketCall | None":
        """Return one of them."""


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A stream that is on."""

    call: Call
    sinks: tuple[str, ...]
    pausing: Callable[[], None] = field(repr=False)
    """Say that audio which does not come from now on is meant not to come."""


@dataclass(slots=True)
class LiveCall:
    """A call that is on, as far as this process knows."""

    tenant: str
    call_sid: str = field(repr=False)
    streams: list[LiveStream] = field(default_factory=list)
    socket: "SocketCall | None" = None
    """Its way through an application socket: its own, or that of the call it is a leg of."""

    @property
    def is_leg(self) -> bool:
        """Whether the socket is another call's, so that commands must name this one."""
        return self.socket is not None and self.socket.sid != self.call_sid

    @property
    def account_sid(self) -> str | None:
        """The account that its streams name."""
        return next((one.call.account_sid for one in self.streams if one.call.account_sid), None)

    @property
    def started_at(self) -> datetime | None:
        """When its first stream began; None if it has none."""
        return min((one.call.started_at for one in self.streams), default=None)


class LiveCalls:
    """The calls of one process. Only for its event loop."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], dict[str, LiveStream]] = {}
        self._applications: list[tuple[str | None, HasCalls]] = []

    def add_application(self, tenant: str | None, application: HasCalls) -> None:
        """Look for application sockets of a tenant here; None is for all who have credentials."""
        self._applications.append((tenant, application))

    def began(self, call: Call, sinks: Sequence[str], pausing: Callable[[], None]) -> None:
        """Take note of a stream. One whose call has no name cannot be commanded."""
        if call.call_sid:
            streams = self._streams.setdefault((call.tenant, call.call_sid), {})
            streams[call.stream_id] = LiveStream(call, tuple(dict.fromkeys(sinks)), pausing)

    def ended(self, call: Call) -> None:
        """Forget a stream."""
        key = call.tenant, call.call_sid or ""
        if (streams := self._streams.get(key)) is not None:
            streams.pop(call.stream_id, None)
            if not streams:
                del self._streams[key]

    def of(self, tenant: str) -> list[LiveCall]:
        """Return the calls of a tenant, those with the oldest stream first."""
        sids = [sid for owner, sid in self._streams if owner == tenant]
        for owner, application in self._applications:
            if owner == tenant:
                sids += application.calls
            elif owner is None:
                sids += application.calls_of(tenant)
        found = (self.find(tenant, sid) for sid in dict.fromkeys(sids))
        return [one for one in found if one is not None]

    def find(self, tenant: str, call_sid: str) -> LiveCall | None:
        """Return a call of a tenant; None if this process knows none by that name."""
        streams = list(self._streams.get((tenant, call_sid), {}).values())
        parents = [one.call.parent_call_sid for one in streams if one.call.parent_call_sid]
        socket = self._socket(tenant, [call_sid, *parents])
        if not streams and socket is None:
            return None
        return LiveCall(tenant, call_sid, streams, socket)

    def _socket(self, tenant: str, call_sids: Sequence[str]) -> "SocketCall | None":
        for sid in call_sids:
            for owner, application in self._applications:
                if owner not in (tenant, None):
                    continue
                if (call := application.call(sid, tenant if owner is None else None)) is not None:
                    return call
        return None

"""What one worker knows and can do about calls: this process itself. crew.py asks all of them.

neighbours.py has the other workers, over a Unix socket, with the same methods.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from listen_server.errors import ListenServerError
from listen_server.live.calls import LiveCalls
from listen_server.live.seen import SeenCall, seen

if TYPE_CHECKING:
    from listen_server.jambonz.call import Call as SocketCall
    from listen_server.jambonz.commands import Command

PATIENCE: Final = 1.0  # seconds in which jambonz says what it minds


class Away(ListenServerError):  # noqa: N818 - the name says where it is
    """A worker does not answer."""


class Worker(Protocol):
    """A process that has calls. What it does not answer in time raises Away."""

    async def look(self, tenant: str, call_sids: Sequence[str] | None = None) -> list[SeenCall]:
        """Return a tenant's calls that it has: those named, or all."""

    async def pausing(self, tenant: str, call_sid: str) -> None:
        """Take note that the streams of a call are meant to pause."""

    async def write(self, tenant: str, call_sid: str, command: "Command") -> list[str]:
        """Write a command to the application socket of a call; return what jambonz minded.

        Raises Refused for a command that is too large, and Unreachable.
        """


class Here:
    """This process, as a worker. Only for its event loop."""

    def __init__(self, calls: LiveCalls, *, patience: float = PATIENCE) -> None:
        self._calls = calls
        self._patience = patience

    async def look(self, tenant: str, call_sids: Sequence[str] | None = None) -> list[SeenCall]:
        """Return the calls of this process; see `Worker`."""
        if call_sids is None:
            return [seen(call) for call in self._calls.of(tenant)]
        found = [self._calls.find(tenant, sid) for sid in call_sids]
        return [seen(call) for call in found if call is not None]

    async def pausing(self, tenant: str, call_sid: str) -> None:
        """Mark the gaps to come as intended: if jambonz does not pause, there are none."""
        call = self._calls.find(tenant, call_sid)
        for stream in call.streams if call else ():
            stream.pausing()

    async def write(self, tenant: str, call_sid: str, command: "Command") -> list[str]:
        """Write to a socket of this process; see `Worker`."""
        from listen_server.jambonz.call import Unreachable  # noqa: PLC0415 - parts.py says why

        call = self._calls.find(tenant, call_sid)
        if call is None or call.socket is None:
            raise Unreachable("the application socket of the call is gone")
        with _complaints(call.socket) as errors:
            await call.socket.send(command)
            await asyncio.sleep(self._patience)
        return errors


@contextmanager
def _complaints(socket: "SocketCall") -> Iterator[list[str]]:
    """Collect what jambonz minds, in its words but for the command, which it repeats."""
    errors: list[str] = []

    def note(error: Mapping[str, Any]) -> None:
        said = [str(error[key])[:200] for key in ("msg", "details") if error.get(key)]
        errors.append(": ".join(said) or "jambonz minds something")

    socket.minders.append(note)
    try:
        yield errors
    finally:
        socket.minders.remove(note)

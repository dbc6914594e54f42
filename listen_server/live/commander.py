"""Which way a command goes: over the call's application socket, else through jambonz's REST API.

jambonz acknowledges no command. What can be known is that it was written, and what jambonz minds
within a second of it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from listen_server.errors import ListenServerError
from listen_server.jambonz.call import Call as SocketCall
from listen_server.jambonz.call import Unreachable
from listen_server.jambonz.commands import Command
from listen_server.live.calls import LiveCall

PATIENCE: Final = 1.0  # seconds in which jambonz says what it minds


class NoWay(ListenServerError):  # noqa: N818 - the name says what there is
    """There is no way to command this call."""


class Rest(Protocol):
    """jambonz's REST API, for one account."""

    async def update_call(self, call: LiveCall, command: Command) -> None:
        """Have the call do it. Raises RestRefused."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a command."""

    way: Literal["socket", "rest"]
    errors: tuple[str, ...] = ()
    """What jambonz minded, in its words but for the command, which it repeats."""


class Commander:
    """Commands the calls of one process."""

    def __init__(self, rest: Mapping[str, Rest], *, patience: float = PATIENCE) -> None:
        """`rest` is by tenant."""
        self._rest = rest
        self._patience = patience

    async def command(self, call: LiveCall, command: Command) -> Written:
        """Write a command to a call. Raises NoWay, Refused, Unreachable or RestRefused."""
        if _pauses(command):
            for stream in call.streams:
                stream.pausing()  # if jambonz does not, there is no gap to be marked
        return await self._write(call, command)

    async def _write(self, call: LiveCall, command: Command) -> Written:
        rest = self._rest.get(call.tenant)
        if call.socket is not None:
            if call.is_leg and command.call_sid is None:
                command = replace(command, call_sid=call.call_sid)
            try:
                return await self._over_socket(call.socket, command)
            except Unreachable:
                if rest is None:
                    raise
        if rest is None:
            raise NoWay(
                "the call has no application socket here, and jambonz's REST API is not "
                f"configured for its tenant: set [jambonz.{call.tenant}] url and token"
            )
        await rest.update_call(call, command)
        return Written("rest")

    async def _over_socket(self, socket: SocketCall, command: Command) -> Written:
        with _complaints(socket) as errors:
            await socket.send(command)
            await asyncio.sleep(self._patience)
        return Written("socket", tuple(errors))


def _pauses(command: Command) -> bool:
    return command.command == "listen:status" and command.data["listen_status"] == "pause"


@contextmanager
def _complaints(socket: SocketCall) -> Iterator[list[str]]:
    errors: list[str] = []

    def note(error: Mapping[str, Any]) -> None:
        said = [str(error[key])[:200] for key in ("msg", "details") if error.get(key)]
        errors.append(": ".join(said) or "jambonz minds something")

    socket.minders.append(note)
    try:
        yield errors
    finally:
        socket.minders.remove(note)

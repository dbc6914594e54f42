"""Which way a command goes: over the call's application socket, else through jambonz's REST API.

jambonz acknowledges no command. What can be known is that it was written, and what jambonz minds
within a second of it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from listen_server.errors import ListenServerError
from listen_server.jambonz.call import Unreachable
from listen_server.jambonz.commands import Command
from listen_server.live.crew import Crew, Held
from listen_server.live.here import Worker
from listen_server.live.seen import SeenCall


class NoWay(ListenServerError):  # noqa: N818 - the name says what there is
    """There is no way to command this call."""


class Rest(Protocol):
    """jambonz's REST API, for one account."""

    @property
    def knows_account(self) -> bool:
        """Whether it can command calls of which nothing is known here but the callSid."""

    async def update_call(self, call: SeenCall, command: Command) -> None:
        """Have the call do it. Raises RestRefused."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a command."""

    way: Literal["socket", "rest"]
    errors: tuple[str, ...] = ()
    """What jambonz minded, in its words but for the command, which it repeats."""


class Commander:
    """Commands the calls of a server."""

    def __init__(self, crew: Crew, rest: Mapping[str, Rest]) -> None:
        """`rest` is by tenant."""
        self._crew = crew
        self._rest = rest

    def elsewhere(self, tenant: str, call_sid: str) -> Held | None:
        """Return a call that is not here as one that jambonz may know; None if it is not asked."""
        rest = self._rest.get(tenant)
        return Held(SeenCall(tenant, call_sid)) if rest and rest.knows_account else None

    async def command(self, held: Held, command: Command) -> Written:
        """Write a command to a call. Raises NoWay, Refused, Unreachable, RestRefused or Away."""
        if _pauses(command):
            await self._say_pausing(held)  # if jambonz does not, there is no gap to be marked
        return await self._write(await self._crew.reconnected(held), command)

    async def _say_pausing(self, held: Held) -> None:
        call = held.call
        told = [one.pausing(call.tenant, call.call_sid) for one in held.streaming]
        await asyncio.gather(*told, return_exceptions=True)  # who is away has no stream to mark

    async def _write(self, held: Held, command: Command) -> Written:
        call, rest = held.call, self._rest.get(held.call.tenant)
        if held.writing is not None and call.socket is not None:
            if call.is_leg and command.call_sid is None:
                command = replace(command, call_sid=call.call_sid)
            try:
                return await _over_socket(held.writing, call, command)
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


async def _over_socket(worker: Worker, call: SeenCall, command: Command) -> Written:
    assert call.socket is not None  # noqa: S101 - the caller has looked
    errors = await worker.write(call.tenant, call.socket.call_sid, command)
    return Written("socket", tuple(errors))


def _pauses(command: Command) -> bool:
    return command.command == "listen:status" and command.data["listen_status"] == "pause"

"""One call, as its application sees it: what is known of it, and the way to command it.

sockets.py gives it a socket, and another one when the first drops; over webhooks it has none.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from listen_server.errors import ListenServerError
from listen_server.jambonz.access import Peer
from listen_server.jambonz.commands import Command
from listen_server.jambonz.hooks import CallHook
from listen_server.jambonz.model import NOWHERE, Addresses

Write: TypeAlias = Callable[[bytes], Awaitable[None]]
_ANYBODY: Final = Peer()
_LABEL: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class Unreachable(ListenServerError):  # noqa: N818 - the name says what the call is
    """A command cannot get to the call."""


class Call:
    """A call. `told` is the newest that jambonz has said about it, `first` the oldest."""

    def __init__(
        self, told: CallHook, addresses: Addresses = NOWHERE, peer: Peer = _ANYBODY
    ) -> None:
        self.sid: Final = told.call_sid
        self.tenant: Final = peer.tenant
        """Whose call it is, where the credential says it (`Access.check`)."""
        self.base: Final = peer.base
        """Scheme and host by which jambonz has come."""
        self.first: Final = told
        self.told = told
        self.resumed = False
        """Whether it was going on already when this process heard of it."""
        self.ended = False
        self.began: Final = datetime.now(UTC)
        """When this process first heard of it."""
        self.application = ""
        """The name of the application that it is in, where that is known."""
        self.minders: list[Callable[[Mapping[str, Any]], None]] = []
        """Who else is told what jambonz could not do, beside `CallApplication.on_error`."""
        self._addresses = addresses
        self._write: Write | None = None
        self._reachable = asyncio.Event()
        self._patience: float | None = None

    @property
    def label(self) -> str:
        """The sid, for a log; a question mark if it is none that jambonz makes."""
        return self.sid if _LABEL.fullmatch(self.sid) else "?"

    @property
    def connected(self) -> bool:
        """Whether its application socket is open at this moment."""
        return self._write is not None

    async def send(self, command: Command) -> None:
        """Write a command to the call; jambonz acknowledges none.

        A socket that has dropped is waited for as long as it may come back. Raises Refused for a
        command that is too large, and Unreachable if the call is over or has no socket.
        """
        message = command.encode(self._addresses)
        if not self.ended and self._write is None and self._patience is not None:
            try:
                async with asyncio.timeout(self._patience):
                    await self._reachable.wait()
            except TimeoutError:
                raise Unreachable("the socket of the call has dropped and not come back") from None
        if self.ended:
            raise Unreachable("the call is over")
        if self._write is None:
            raise Unreachable("the call has no application socket: it is served over webhooks")
        await self._write(message)

    def hear(self, told: CallHook) -> None:
        """Take note of what jambonz says, unless it is about another leg."""
        if told.call_sid != self.sid:
            return
        self.told = told
        if told.ended:
            self.end()

    def attach(self, write: Write, *, patience: float) -> None:
        """Take a socket, in the place of any other; without one, commands wait `patience` s."""
        self._write = write
        self._patience = patience
        self._reachable.set()

    def detach(self, write: Write) -> bool:
        """Lose a socket. Tell whether it was the call's own, not one that was replaced."""
        if self._write != write:
            return False
        self._write = None
        self._reachable.clear()
        return True

    def end(self) -> None:
        """Take note that it is over."""
        self.ended = True
        self._reachable.set()  # nobody waits for it any more

    def __repr__(self) -> str:
        return f"Call({self.label})"

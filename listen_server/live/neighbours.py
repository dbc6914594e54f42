"""The other workers of a server, each behind a Unix socket of its own: questions in lines of JSON.

A worker that opens a door (door.py) is asked by the others as a `Neighbour`, which is a `Worker`
of here.py. The sockets are in a folder that only the server's user can enter, and are told apart by
process ids: `PARENT-WORKER.sock`; server/workers.py removes those of the dead.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from listen_server.files import private_directory
from listen_server.live.here import Away
from listen_server.live.seen import SeenCall

if TYPE_CHECKING:
    from listen_server.jambonz.commands import Command

LOOK: Final = 2.0  # seconds that a worker may take to say which calls it has
WRITE: Final = 40.0  # and to write a command: a socket that has dropped is waited for
_LONGEST: Final = 32 * 1024 * 1024  # bytes of a line; thousands of calls have one or two million
_MAX_ADDRESS: Final = 108  # bytes of a Unix socket's address, with the zero at its end (unix(7))
CALLS: Final = TypeAdapter(list[SeenCall])
"""What a worker answers to a look."""


class _Gone(Away):
    """A worker is dead, so what it was asked was not done."""


class Neighbours:
    """Who else is there. `parent` is the process that watches over all of them."""

    def __init__(self, folder: Path, parent: int, workers: int) -> None:
        """Open the folder, and make it if it is not there. Blocks; may raise OSError."""
        self._folder = private_directory(folder)
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # where the volume has no modes, that of the data directory counts
            os.fchmod(self._descriptor, 0o700)
        self._parent = parent
        self._workers = workers
        self.own: Final = f"{parent}-{os.getpid()}.sock"

    def address(self, name: str) -> str:
        """Return the address of a door: its path, or a shorter one that leads there as well."""
        path = str(self._folder / name)
        short = len(os.fsencode(path)) < _MAX_ADDRESS
        return path if short else f"/proc/self/fd/{self._descriptor}/{name}"

    def close(self) -> None:
        """Let go of the folder, and take the own door out of it. Blocks."""
        with suppress(OSError):
            (self._folder / self.own).unlink()
        os.close(self._descriptor)

    async def others(self) -> tuple[list["Neighbour"], int]:
        """Return the workers that can be asked, and how many cannot: they are about to start."""
        found = await asyncio.to_thread(self._found)
        return found, max(0, self._workers - 1 - len(found))

    def _found(self) -> list["Neighbour"]:
        doors = sorted(one.name for one in self._folder.glob(f"{self._parent}-*.sock"))
        return [Neighbour(self.address(name)) for name in doors if name != self.own]


class Neighbour:
    """Another worker; see `Worker`."""

    def __init__(self, address: str, *, patience: float = LOOK) -> None:
        self._address = address
        self._patience = patience

    async def look(self, tenant: str, call_sids: Sequence[str] | None = None) -> list[SeenCall]:
        """Ask which calls it has."""
        question = {"ask": "look", "tenant": tenant, "call_sids": call_sids}
        answer = await self._ask(question, self._patience)
        try:
            return CALLS.validate_json(answer)
        except ValueError as error:
            raise Away("a worker answers what nobody understands") from error

    async def pausing(self, tenant: str, call_sid: str) -> None:
        """Tell it that streams are meant to pause."""
        question = {"ask": "pausing", "tenant": tenant, "call_sid": call_sid}
        await self._ask(question, self._patience)

    async def write(self, tenant: str, call_sid: str, command: "Command") -> list[str]:
        """Have it write a command."""
        from listen_server.jambonz.call import Unreachable  # noqa: PLC0415 - parts.py says why
        from listen_server.jambonz.errors import Refused  # noqa: PLC0415

        question = {
            "ask": "write",
            "tenant": tenant,
            "call_sid": call_sid,
            "command": command.write(),
        }
        try:
            answer = await self._ask(question, WRITE)
        except _Gone as error:
            raise Unreachable("the worker that had the socket of the call is gone") from error
        except Away as error:
            says = "the worker that has the call does not answer: it may have written the command"
            raise Away(says) from error
        match json.loads(answer):
            case {"errors": [*errors]}:
                return [str(one) for one in errors]
            case {"refused": str(says)}:
                raise Refused(says)
            case {"unreachable": str(says)}:
                raise Unreachable(says)
        raise Away("a worker answers what nobody understands")

    async def _ask(self, question: dict[str, Any], patience: float) -> bytes:
        try:
            async with asyncio.timeout(patience):
                line = await self._exchange(json.dumps(question).encode() + b"\n")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise _Gone("a worker of this server is gone") from error
        except (OSError, ValueError, TimeoutError) as error:
            raise Away("a worker of this server does not answer") from error
        if not line.endswith(b"\n"):
            raise Away("a worker of this server broke off in the middle of its answer")
        return line

    async def _exchange(self, question: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._address, limit=_LONGEST)
        try:
            writer.write(question)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()

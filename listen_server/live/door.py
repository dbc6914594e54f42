"""Where a worker is asked by the others of its server: a Unix socket; neighbours.py is who asks.

A question is a line of JSON, `{"ask": "look" | "pausing" | "write", "tenant": ..., ...}`, and so is
its answer. Who asks something else, or nothing, gets none.
"""

import asyncio
import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from listen_server.live.here import Worker
from listen_server.live.neighbours import CALLS, LOOK, Neighbours

log = structlog.get_logger(__name__)
_QUESTION: Final = 256 * 1024  # bytes of a line; the body of a command has at most 64 KiB


class Door:
    """Where the others ask this worker. Opened in its event loop."""

    def __init__(self, neighbours: Neighbours, here: Worker) -> None:
        self._neighbours = neighbours
        self._here = here
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take questions from now on; where that cannot be, say so and go on without."""
        try:
            bound = await asyncio.to_thread(self._bind)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            log.warning("calls of this worker are not seen by the others", error=why)
            return
        self._server = await asyncio.start_unix_server(self._answer, sock=bound, limit=_QUESTION)

    async def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()
        await asyncio.to_thread(self._neighbours.close)

    def _bind(self) -> socket.socket:
        address = self._neighbours.address(self._neighbours.own)
        made = socket.socket(socket.AF_UNIX)
        try:
            with suppress(FileNotFoundError):
                Path(address).unlink()  # of a worker that was killed and had our number
            made.bind(address)
            made.listen()
            made.setblocking(False)  # noqa: FBT003 - as the standard library has it
        except OSError:
            made.close()
            raise
        return made

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one question; who asks something else gets nothing."""
        try:
            async with asyncio.timeout(LOOK):
                line = await reader.readline()
            if line.endswith(b"\n"):
                writer.write(await self._answered(json.loads(line)) + b"\n")
                async with asyncio.timeout(LOOK):
                    await writer.drain()
        except (OSError, ValueError, KeyError, TypeError, TimeoutError) as error:
            log.warning("a question of another worker has no answer", error=type(error).__name__)
        finally:
            writer.close()

    async def _answered(self, question: dict[str, Any]) -> bytes:
        tenant = question["tenant"]
        match question["ask"]:
            case "look":
                return CALLS.dump_json(await self._here.look(tenant, question["call_sids"]))
            case "pausing":
                await self._here.pausing(tenant, question["call_sid"])
                return b"{}"
            case "write":
                answer = await self._written(tenant, question["call_sid"], question["command"])
                return json.dumps(answer).encode()
        raise ValueError("no such question")

    async def _written(self, tenant: str, call_sid: str, given: object) -> dict[str, Any]:
        from listen_server.jambonz.call import Unreachable  # noqa: PLC0415 - parts.py says why
        from listen_server.jambonz.commands import read_command  # noqa: PLC0415
        from listen_server.jambonz.errors import Refused  # noqa: PLC0415

        try:
            return {"errors": await self._here.write(tenant, call_sid, read_command(given))}
        except Refused as error:
            return {"refused": str(error)}
        except Unreachable as error:
            return {"unreachable": str(error)}

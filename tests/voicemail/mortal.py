"""A server with voicemail in a process of its own, which is killed, and there again at once.

It is forked off a process that has everything imported: starting takes a fraction of a second.
"""

import asyncio
import multiprocessing
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from harness import serving
from ports import port_of
from voicemail.machine import machine_settings

from listen_server.simulator.platform import Line

_CONTEXT = multiprocessing.get_context("forkserver")
_IMPORTED = [  # what takes long; it looks for modules where the interpreter does, and not in tests/
    "listen_server.app",
    "listen_server.run",
    "listen_server.server.serving",
    "listen_server.simulator.platform",
    "listen_server.voicemail.mounting",
    "listen_sinks.memory",
    "listen_sinks.voicemail.plugin",
    "listen_sinks.voicemail.index.upgrade",
    "aiosqlite",
    "uvicorn",
]


@dataclass
class Mortal:
    """A server that is killed when a line of the screenplay is reached, and started again."""

    data_dir: Path
    dies: list[str]
    """How the lines begin, in their order."""
    port: int = 0
    deaths: int = 0
    process: ForkServerProcess | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, on the port that it had, and wait until it takes calls."""
        _CONTEXT.set_forkserver_preload(_IMPORTED)
        self.port = self.port or port_of(self)
        ours, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(self.data_dir, self.port, theirs))
        self.process.start()
        self.port = ours.recv()

    def watch(self, line: Line) -> None:
        """Kill it, if this is the moment."""
        if self.dies and line.what.startswith(self.dies[0]):
            self.dies.pop(0)
            self.deaths += 1
            self.kill()
            self.start()

    def kill(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.join()


def _serve(data_dir: Path, port: int, ready: Connection) -> None:
    sys.stdout = sys.stderr = Path("/dev/null").open("w")  # noqa: SIM115 - as long as it lives
    asyncio.run(_served(data_dir, port, ready))


async def _served(data_dir: Path, port: int, ready: Connection) -> None:
    made = machine_settings(data_dir, port=port, voicemail={"end_on_silence": 0})
    async with serving(made) as server:
        ready.send(server.port)
        await asyncio.Event().wait()  # until it is killed

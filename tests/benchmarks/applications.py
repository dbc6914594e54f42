"""An application for jambonz in a process of its own: idle sockets, and hooks that come fast.

`python -m benchmarks.applications` serves one under uvicorn, as listen_server/jambonz/README.md
has it, and prints its port. application_load.py plays jambonz's part, in another process.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

import uvicorn
from benchmarks.application_load import SECRET
from benchmarks.load import BenchError
from benchmarks.processes import Usage, resident_kib

from listen_server.jambonz import Access, Call, CallApplication, Gather, Say, Verbs, served

TRANSPORTS: Final = ("webhooks", "websocket")
RESTING: Final = 2.0  # seconds that sockets are idle before they are weighed
_PATH: Final = os.pathsep.join(
    [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
)


class Desk(CallApplication):
    """Asks the caller for a digit."""

    async def on_call(self, call: Call) -> Verbs:
        """Answer a call."""
        del call
        prompt = Say(text="Sales is 1, help is 2.")
        return [Gather(action_hook="/chosen", num_digits=1, say=prompt)]


@dataclass(frozen=True, slots=True)
class Held:
    """What idle application sockets cost."""

    sockets: int
    rss: float  # KiB for each
    lost: int  # that did not come about, or ended by themselves
    core: float  # share of one core while they were idle


@dataclass(frozen=True, slots=True)
class Asked:
    """How soon calls that are set up got their first verbs."""

    transport: str
    rate: int  # calls in a second
    p50: float  # ms from the hook to its answer
    p99: float
    wrong: int  # calls without verbs
    cpu: float  # ms of the server per call
    late_p99: float  # us, of the load
    waited: float  # share of the time in which the server had work, and no core


def hold_sockets(sockets: int) -> Held:
    """Open sockets with a call each, and leave them alone. Raises BenchError."""
    with _application() as (pid, port):
        idle = resident_kib(pid)
        with _load("hold", port, sockets) as load:
            assert load.stdout is not None
            assert load.stdin is not None
            opened = int(load.stdout.readline() or "0")
            before = Usage.of(pid)
            sleep(RESTING)
            used = Usage.of(pid).since(before)
            resident = resident_kib(pid)
            load.stdin.close()
            left = int(load.stdout.readline() or "0")
    if not opened:
        raise BenchError("no application socket could be opened")
    return Held(sockets, (resident - idle) / opened, sockets - left, used.cpu / used.at)


def ask_hooks(transport: str, rate: int, seconds: int) -> Asked:
    """Set up so many calls in a second. Raises BenchError."""
    with _application() as (pid, port):
        before = Usage.of(pid)
        with _load(transport, port, rate, seconds) as load:
            assert load.stdout is not None
            told = json.loads(load.stdout.readline() or "{}")
        used = Usage.of(pid).since(before)
    if not told:
        raise BenchError(f"the calls over {transport} did not come to their end")
    return Asked(
        transport=transport,
        rate=rate,
        p50=told["p50"],
        p99=told["p99"],
        wrong=told["wrong"],
        cpu=1000 * used.cpu / told["calls"],
        late_p99=told["late_p99_us"],
        waited=used.waited / used.at,
    )


@contextmanager
def _application() -> Iterator[tuple[int, int]]:
    """Run the application; gives its process and its port."""
    with _python("benchmarks.applications") as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def _load(*what: object) -> "Iterator[subprocess.Popen[str]]":
    with _python("benchmarks.application_load", *map(str, what)) as process:
        try:
            yield process
        finally:
            process.terminate()


def _python(module: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": _PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    """Serve until SIGTERM."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    application = served(Desk(), access=Access(users={"jambonz": SECRET}, secrets=[SECRET]))
    config = uvicorn.Config(
        application,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

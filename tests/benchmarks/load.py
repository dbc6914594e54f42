"""Calls to measure with: load.c where there is a compiler, else the simulator of the product.

start -> until_steady -> (measure) -> sent
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import IO, Final, Protocol

from benchmarks.meter import FRAME

from listen_server.simulator.runner import STAGGER

HERE: Final = Path(__file__).parent
SIMULATED: Final = 50  # calls that the simulator can place without being the one that is measured


@dataclass(frozen=True, slots=True)
class Plan:
    """How many calls, of which kind, for how long."""

    calls: int
    channels: int = 1
    seconds: int = 5  # that are measured
    settling: float = 1.0  # seconds before and after these
    one_core: bool = False  # for the server; the load gets another

    @property
    def opening(self) -> float:
        """Seconds in which the calls begin, and later end."""
        return max(0.2, self.calls / (150 if self.one_core else 300))


@dataclass(frozen=True, slots=True)
class Sent:
    """What the load did, and how well."""

    samples: int  # per channel, of all calls
    lost_calls: int = 0
    late_p99: float | None = None  # us after its due time
    backlog: int | None = None  # bytes that one call could not get rid of, at most


class BenchError(Exception):
    """Nothing can be measured. The sentence says why."""


class Load(Protocol):
    """Something that places calls."""

    def start(self, port: int, plan: Plan) -> subprocess.Popen[str]:
        """Begin to place calls."""

    def until_steady(self, process: subprocess.Popen[str], plan: Plan) -> None:
        """Return when all calls are on. Raises BenchError."""

    def sent(self, process: subprocess.Popen[str]) -> Sent:
        """Return, after the last call, what was sent. Raises BenchError."""


class CompiledLoad:
    """load.c."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def start(self, port: int, plan: Plan) -> subprocess.Popen[str]:
        """Begin to place calls."""
        lasting = round(plan.seconds + 2 * plan.settling + 0.5)
        numbers = (port, "/listen", plan.calls, plan.channels, plan.opening, lasting)
        return _pipe([str(self._program), *map(str, numbers)])

    def until_steady(self, process: subprocess.Popen[str], plan: Plan) -> None:
        """Wait for its first line."""
        if not _out(process).readline():
            raise BenchError(f"{plan.calls} calls could not be placed")

    def sent(self, process: subprocess.Popen[str]) -> Sent:
        """Read its last line."""
        told = json.loads(_out(process).readline() or "{}")
        process.wait()
        if not told or told["lost"] or told["unanswered"]:
            raise BenchError(f"the load could not send everything: {told}")
        samples = told["frames"] * FRAME
        return Sent(samples, told["lost_calls"], told["late_p99_us"], told["backlog"])


class SimulatedLoad:
    """`listen-server call`: no clock in its metadata, so no delays."""

    def start(self, port: int, plan: Plan) -> subprocess.Popen[str]:
        """Begin to place calls."""
        mix = "stereo" if plan.channels == 2 else "mono"
        lasting = STAGGER * plan.calls + plan.seconds + 3 * plan.settling
        words = ("call", "--url", f"ws://127.0.0.1:{port}/listen", "--calls", plan.calls)
        more = ("--mix", mix, "--seconds", lasting)
        return _pipe([sys.executable, "-m", "listen_server", *map(str, words + more)])

    def until_steady(self, process: subprocess.Popen[str], plan: Plan) -> None:
        """Wait as long as it takes to begin them all, and to import itself."""
        del process
        sleep(STAGGER * plan.calls + 2 * plan.settling)

    def sent(self, process: subprocess.Popen[str]) -> Sent:
        """Add up its calls."""
        calls = [json.loads(line) for line in _out(process)]
        if process.wait():
            raise BenchError("the simulated calls did not end well")
        return Sent(sum(call["samples"] for call in calls))


def compiled(name: str, directory: Path) -> Path | None:
    """Compile one of the C programs here; None where there is no compiler. Raises BenchError."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = directory / name
    command = [compiler, "-O2", "-std=gnu11", "-o", str(program), str(HERE / f"{name}.c")]
    if subprocess.run(command, check=False).returncode:
        raise BenchError(f"{name}.c did not compile")
    return program


def make_load(directory: Path) -> Load:
    """Return the better load that this machine can have."""
    program = compiled("load", directory)
    return SimulatedLoad() if program is None else CompiledLoad(program)


def _pipe(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _out(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout

"""Calls to measure with: load.c where there is a compiler, else the simulator of the product.

start -> until_steady -> (measure) -> sent
"""

import json
import math
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
FOLLOWED: Final = 16  # calls, of which the meter follows one: what is measured is not measuring
SIMULATED: Final = 50  # calls that the simulator can place without being the one that is measured


@dataclass(frozen=True, slots=True)
class Plan:
    """How many calls, of which kind, for how long."""

    calls: int
    channels: int = 1
    seconds: int = 5  # that are measured
    settling: float = 1.0  # seconds before and after these
    one_core: bool = False  # for the server; the load gets another
    all_followed: bool = False  # by the meter; else one call in sixteen
    end_at_once: bool = False  # else as slowly as they began

    @property
    def opening(self) -> float:
        """Seconds in which the calls begin, if the server is as fast."""
        return max(0.2, self.calls / (150 if self.one_core else 300))

    @property
    def closing(self) -> float:
        """Seconds in which the calls end."""
        return 0.02 if self.end_at_once else max(0.2, self.calls / 300)

    @property
    def followed(self) -> int:
        """Calls that the meter follows."""
        return self.calls if self.all_followed else -(-self.calls // FOLLOWED)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the load did, and how well."""

    samples: int  # per channel, of all calls
    lost_frames: int = 0  # that it could not get rid of, or had no time for
    lost_calls: int = 0  # that ended before their time, or with no answer
    ended: float = 0.0  # when the first one was hung up, monotonic
    late_p99: float | None = None  # us after its due time
    backlog: int | None = None  # bytes that one call could not get rid of, at most


class BenchError(Exception):
    """Nothing can be measured. The sentence says why."""


class NotPlacedError(BenchError):
    """The server did not take as many calls."""


class Load(Protocol):
    """Something that places calls."""

    def start(self, port: int, plan: Plan) -> subprocess.Popen[str]:
        """Begin to place calls."""

    def until_steady(self, process: subprocess.Popen[str], plan: Plan) -> None:
        """Return when all calls are on. Raises NotPlacedError."""

    def sent(self, process: subprocess.Popen[str]) -> Sent:
        """Return, after the last call, what was sent. Raises BenchError."""


class CompiledLoad:
    """load.c."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def start(self, port: int, plan: Plan) -> subprocess.Popen[str]:
        """Begin to place calls."""
        lasting = math.ceil(plan.seconds + 2 * plan.settling)
        kind = (plan.calls, plan.channels, plan.opening, lasting, plan.closing, plan.followed)
        return _pipe([str(self._program), *map(str, (port, "/listen", *kind))])

    def until_steady(self, process: subprocess.Popen[str], plan: Plan) -> None:
        """Wait for its first line."""
        told = json.loads(_out(process).readline() or "{}")
        if not told.get("steady"):
            placed, lost = told.get("placed", 0), told.get("lost_calls", 0)
            raise NotPlacedError(
                f"{placed} of {plan.calls} calls could be placed, {lost} were lost"
            )

    def sent(self, process: subprocess.Popen[str]) -> Sent:
        """Read its last line."""
        told = json.loads(_out(process).readline() or "{}")
        process.wait()
        if not told:
            raise BenchError("the load did not come to its end")
        return Sent(
            told["frames"] * FRAME,
            told["lost"],
            told["lost_calls"] + told["unanswered"],
            told["ended_ns"] / 1e9,
            told["late_p99_us"],
            told["backlog"],
        )


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

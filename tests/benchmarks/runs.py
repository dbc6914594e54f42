"""One run: a contender, a load, and what came of both. tables.py and aims.py read many."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

import numpy as np
from benchmarks.contenders import Contender
from benchmarks.load import BenchError, Load, NotPlacedError, Plan, Sent
from benchmarks.meter import FILE, FRAME
from benchmarks.processes import Usage, cpu_seconds, on_core, resident_kib
from benchmarks.servers import Running
from numpy.typing import NDArray

FRAMES_PER_SECOND: Final = 50


@dataclass(frozen=True, slots=True)
class Steady:
    """The part of a run in which every call was on."""

    used: Usage
    load_cpu: float  # seconds
    resident_kib: int
    begin: float  # monotonic

    @property
    def end(self) -> float:
        """Return when it ended, monotonic."""
        return self.begin + self.used.at


@dataclass(frozen=True, slots=True)
class Result:
    """What one run came to. None is what this contender or this load cannot tell."""

    server: str
    plan: Plan
    cpu: float  # us per frame
    core: float  # share of one core
    rss: float  # KiB per call, over idle
    delay_p50: float | None  # ms from when a block's oldest sample was due, to its sink
    delay_p99: float | None
    lag_p99: float | None  # ms
    lost: float  # frames
    lost_calls: int
    late_p99: float | None  # us, of the load
    backlog: int | None  # bytes
    waited: float  # share of the time in which the server had work, and no core
    others: float  # cores that were used by others


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A run that did not come about."""

    server: str
    plan: Plan
    why: str


def run(contender: Contender, load: Load, plan: Plan) -> Result | Unplaced:
    """Start a server, place the calls, stop it. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="listen-bench-") as name:
        directory = Path(name)
        server_core, load_core = _cores() if plan.one_core else (None, None)
        with on_core(server_core), contender.start(directory) as server, on_core(load_core):
            idle = resident_kib(server.pid)
            try:
                steady, sent = _play(server, load, plan)
            except NotPlacedError as error:
                return Unplaced(contender.name, plan, str(error))
            received = server.stop(plan.channels)
        window = (steady.begin, steady.end)
        delays, lags, wrong = metered(directory, *window) if contender.metered else (None, None, 0)
    used = steady.used
    return Result(
        server=contender.name,
        plan=plan,
        cpu=used.cpu / (plan.calls * FRAMES_PER_SECOND * used.at) * 1e6,
        core=used.cpu / used.at,
        rss=(steady.resident_kib - idle) / plan.calls,
        delay_p50=percentile(delays, 50),
        delay_p99=percentile(delays, 99),
        lag_p99=percentile(lags, 99),
        lost=lost_frames([sent], received) + wrong,
        lost_calls=sent.lost_calls,
        late_p99=sent.late_p99,
        backlog=sent.backlog,
        waited=used.waited / used.at,
        others=max(0.0, used.machine - used.cpu - steady.load_cpu) / used.at,
    )


def _play(server: Running, load: Load, plan: Plan) -> tuple[Steady, Sent]:
    with placing(server, load, plan) as process:
        sleep(plan.settling)
        before, load_cpu = Usage.of(server.pid), cpu_seconds(process.pid)
        sleep(plan.seconds)
        used = Usage.of(server.pid).since(before)
        load_cpu = cpu_seconds(process.pid) - load_cpu
        steady = Steady(used, load_cpu, resident_kib(server.pid), before.at)
        return steady, load.sent(process)


@contextmanager
def placing(server: Running, load: Load, plan: Plan) -> Iterator[subprocess.Popen[str]]:
    """Begin calls, and go on when all are on; what is still on at the end of the block is cut.

    Raises NotPlacedError, which says how busy the server was.
    """
    before = Usage.of(server.pid)
    process = load.start(server.port, plan)
    try:
        try:
            load.until_steady(process, plan)
        except NotPlacedError as error:
            used = Usage.of(server.pid).since(before)
            share, waited = (round(100 * one / used.at) for one in (used.cpu, used.waited))
            busy = f"meanwhile the server used {share} % of a core, and waited {waited} % for one"
            raise NotPlacedError(f"{error}; {busy}") from error
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("a core for the server and another for the load are needed")
    return cores[-1], cores[0]


def lost_frames(sent: list[Sent], received: int) -> float:
    """Return how many frames were sent, or should have been, and not received; never less than 0.

    More received than sent would be as wrong: that counts, too.
    """
    difference = sum(one.samples for one in sent) - received
    return abs(difference) / FRAME + sum(one.lost_frames for one in sent)


def metered(
    directory: Path, begin: float, end: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return delays and lags between two moments in ms, and the wrong blocks of the whole run."""
    with np.load(directory / FILE) as file:
        pairs = file["delays"], file["lags"]
        wrong = int(file["wrong"])
    delays, lags = (1000 * pair[(pair[:, 0] >= begin) & (pair[:, 0] < end), 1] for pair in pairs)
    return delays, lags, wrong


def percentile(values: NDArray[np.float64] | None, percent: float) -> float | None:
    """Return a percentile, if there are values."""
    return float(np.percentile(values, percent)) if values is not None and values.size else None

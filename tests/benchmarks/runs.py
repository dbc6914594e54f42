"""One run: a contender, a load, and what came of both. report.py makes a table of many."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import numpy as np
from benchmarks.contenders import Contender, Running
from benchmarks.load import BenchError, Load, Plan, Sent
from benchmarks.meter import FILE, FRAME
from benchmarks.processes import cpu_seconds, on_core, resident_kib
from numpy.typing import NDArray

FRAMES_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Steady:
    """The part of a run in which every call was on."""

    begin: float  # monotonic
    end: float
    cpu: float  # seconds
    resident_kib: int


@dataclass(frozen=True, slots=True)
class Result:
    """What one run came to. None is what this contender or this load cannot tell."""

    server: str
    plan: Plan
    cpu: float  # us per frame
    core: float  # share of one core
    rss: float  # KiB per call, over idle
    delay_p50: float | None  # ms from a block's oldest sample to its sink
    delay_p99: float | None
    lag_p99: float | None  # ms
    lost: float  # frames
    lost_calls: int
    late_p99: float | None  # us, of the load
    backlog: int | None  # bytes


def run(contender: Contender, load: Load, plan: Plan) -> Result:
    """Start a server, place the calls, stop it. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="listen-bench-") as name:
        directory = Path(name)
        server_core, load_core = _cores() if plan.one_core else (None, None)
        with on_core(server_core), contender.start(directory) as server, on_core(load_core):
            idle = resident_kib(server.pid)
            steady, sent = _play(server, load, plan)
            received = server.stop(plan.channels)
        delays, lags, wrong = _metered(directory, steady) if contender.metered else (None, None, 0)
    frames = plan.calls * FRAMES_PER_SECOND * (steady.end - steady.begin)
    return Result(
        server=contender.name,
        plan=plan,
        cpu=steady.cpu / frames * 1e6,
        core=steady.cpu / (steady.end - steady.begin),
        rss=(steady.resident_kib - idle) / plan.calls,
        delay_p50=_percentile(delays, 50),
        delay_p99=_percentile(delays, 99),
        lag_p99=_percentile(lags, 99),
        lost=abs(sent.samples - received) / FRAME + wrong,
        lost_calls=sent.lost_calls,
        late_p99=sent.late_p99,
        backlog=sent.backlog,
    )


def _play(server: Running, load: Load, plan: Plan) -> tuple[Steady, Sent]:
    process = load.start(server.port, plan)
    try:
        load.until_steady(process, plan)
        sleep(plan.settling)
        begin, cpu = monotonic(), cpu_seconds(server.pid)
        sleep(plan.seconds)
        end, used = monotonic(), cpu_seconds(server.pid) - cpu
        steady = Steady(begin, end, used, resident_kib(server.pid))
        return steady, load.sent(process)
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


def _metered(
    directory: Path, steady: Steady
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return delays and lags of the steady part in ms, and the wrong blocks of the whole run."""
    with np.load(directory / FILE) as file:
        pairs = file["delays"], file["lags"]
        wrong = int(file["wrong"])
    delays, lags = (
        1000 * pair[(pair[:, 0] >= steady.begin) & (pair[:, 0] < steady.end), 1] for pair in pairs
    )
    return delays, lags, wrong


def _percentile(values: NDArray[np.float64] | None, percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values is not None and values.size else None

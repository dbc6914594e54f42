"""`make bench`: what a frame costs, in this server and in others, side by side. See README.md."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from benchmarks.contenders import DISCARD, Contender, contenders
from benchmarks.load import SIMULATED, BenchError, Load, Plan, SimulatedLoad, compiled, make_load
from benchmarks.processes import raise_file_limit
from benchmarks.report import goals, table, too_busy
from benchmarks.runs import Result, run
from rich.console import Console
from rich.progress import Progress

MONO = "Side by side, mono"
STEREO = "Side by side, stereo"
MANY = "Twice as many calls"
ONE_CORE = "Six times as many calls, on one core"
Runs: TypeAlias = Sequence[tuple[Contender, Plan]]


def main() -> int:
    """Run everything, print tables and goals; return 1 if it could not be done."""
    options = _options()
    try:
        with tempfile.TemporaryDirectory(prefix="listen-bench-") as name:
            results = _measure(options, Path(name))
    except (BenchError, OSError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    for title, done in results.items():
        _say(f"\n{title}:\n\n{table(done)}")
    if any(map(too_busy, results.values())):
        _say("\nThe load was late: this machine was too busy for these figures to mean much.")
    _say("\nGoals:\n")
    for sentence in goals(results[MONO], results[MANY], results[ONE_CORE]):
        _say(f"- {sentence}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--calls", type=int, default=500, help="calls of the comparison (500)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the comparison (3)")
    parser.add_argument("--seconds", type=int, default=5, help="that each run is measured (5)")
    parser.add_argument(
        "--retries", type=int, default=0, help="of a run whose load was late: a busy machine (0)"
    )
    parser.add_argument("--quick", action="store_true", help="one short round, no stereo")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def _measure(options: argparse.Namespace, directory: Path) -> Mapping[str, list[Result]]:
    load = make_load(directory)
    servers = contenders(compiled("reference", directory))
    calls = options.calls
    if isinstance(load, SimulatedLoad):
        _say("There is no C compiler: the simulator places few calls, and delays are not measured.")
        calls = min(calls, SIMULATED)
    raise_file_limit(6 * calls + 1000)
    _say(_machine())
    return _run_all(_parts(servers, Plan(calls, seconds=options.seconds), options), load, options)


def _parts(
    servers: Sequence[Contender], plan: Plan, options: argparse.Namespace
) -> Mapping[str, Runs]:
    (ours,) = [server for server in servers if server.name == DISCARD]
    stereo = replace(plan, channels=2)
    one_core = replace(plan, calls=6 * plan.calls, one_core=True)
    return {
        MONO: [(server, plan) for _ in range(options.rounds) for server in servers],
        STEREO: [] if options.quick else [(server, stereo) for server in servers],
        MANY: [(ours, replace(plan, calls=2 * plan.calls))],
        ONE_CORE: [(ours, one_core)] if len(os.sched_getaffinity(0)) > 1 else [],
    }


def _run_all(
    parts: Mapping[str, Runs], load: Load, options: argparse.Namespace
) -> Mapping[str, list[Result]]:
    results: dict[str, list[Result]] = {title: [] for title in parts}
    with Progress(console=Console(stderr=True), refresh_per_second=1, transient=True) as progress:
        task = progress.add_task("", total=sum(map(len, parts.values())))
        for title, runs in parts.items():
            for server, plan in runs:
                progress.update(task, description=f"{server.name}, {plan.calls} calls")
                results[title] += _run(server, load, plan, options.retries)
                progress.advance(task)
    return {title: done for title, done in results.items() if done or title != STEREO}


def _run(server: Contender, load: Load, plan: Plan, retries: int) -> list[Result]:
    """Return the result of a run, if there is one; a run on a machine too busy can be repeated."""
    for left in range(retries, -1, -1):
        try:
            result = run(server, load, plan)
        except BenchError as error:
            if not left:
                _say(f"Not measured: {server.name} with {plan.calls} calls: {error}.")
        else:
            if not left or not too_busy([result]):
                return [result]
    return []


def _machine() -> str:
    """Say what it runs on, and how busy that was before."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "websockets", "uvloop"))
    return (
        f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.2f}; "
        f"Linux {platform.release()}, Python {platform.python_version()}, {versions}."
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

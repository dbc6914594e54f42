"""`make bench`: what a call costs, in this server and in others, side by side. See README.md."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.aims import summary
from benchmarks.arms import ARMS, Conditions
from benchmarks.contenders import reference
from benchmarks.disturbances import warnings
from benchmarks.load import SIMULATED, BenchError, SimulatedLoad, compiled, make_load
from benchmarks.processes import Usage, raise_file_limit, urgently
from benchmarks.tables import tables
from rich.console import Console
from rich.progress import Progress


def main() -> int:
    """Run what was asked for, print tables and aims; return 1 if it could not be done."""
    options = _options()
    raise_file_limit()
    before = Usage.of(os.getpid())
    try:
        with (
            tempfile.TemporaryDirectory(prefix="listen-bench-") as name,
            urgently(options.urgent),
        ):
            results = _measure(options, _conditions(options, Path(name)))
    except (BenchError, OSError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    used = Usage.of(os.getpid()).since(before)
    _print_aims(results, used.stolen / used.at / (os.cpu_count() or 1))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("arms", nargs="*", metavar="ARM", help=f"{', '.join(ARMS)} (all)")
    parser.add_argument("--calls", type=int, default=500, help="calls of the comparison (500)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each comparison (3)")
    parser.add_argument("--seconds", type=int, default=5, help="that each run is measured (5)")
    parser.add_argument("--retries", type=int, default=0, help="of a run that was disturbed (0)")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument(
        "--urgent", action="store_true", help="before other work on the machine; needs root"
    )
    options = parser.parse_args()
    if unknown := set(options.arms) - ARMS.keys():
        parser.error(f"there is no arm {', '.join(sorted(unknown))}; there are {', '.join(ARMS)}")
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def _conditions(options: argparse.Namespace, directory: Path) -> Conditions:
    load = make_load(directory)
    built = compiled("reference", directory)
    calls: int = options.calls
    if isinstance(load, SimulatedLoad):
        _say("There is no C compiler: the simulator places few calls, and delays are not measured.")
        calls = min(calls, SIMULATED)
    return Conditions(
        load=load,
        reference=None if built is None else reference(built),
        calls=calls,
        rounds=options.rounds,
        seconds=options.seconds,
        retries=options.retries,
    )


def _measure(options: argparse.Namespace, given: Conditions) -> Mapping[str, list[Any]]:
    """Run the arms, and print the tables of each as soon as it is through."""
    _say(_machine())
    arms = {name: arm.steps(given) for name, arm in ARMS.items() if name in (options.arms or ARMS)}
    results: dict[str, list[Any]] = {name: [] for name in arms}
    with Progress(console=Console(stderr=True), refresh_per_second=1, transient=True) as progress:
        task = progress.add_task("", total=sum(map(len, arms.values())))
        for name, steps in arms.items():
            for step in steps:
                progress.update(task, description=step.what)
                results[name].append(step.act())
                progress.advance(task)
            _say(f"\n{ARMS[name].title}:\n\n{tables(results[name]) or 'Not measured here.'}")
    return results


def _print_aims(results: Mapping[str, list[Any]], stolen: float) -> None:
    aims = [aim for name, done in results.items() for aim in ARMS[name].aims(done)]
    _say(f"\nAims:\n\n{summary(aims)}")
    for sentence in warnings([one for done in results.values() for one in done], stolen):
        _say(f"\nWARNING: {sentence}")


def _machine() -> str:
    """Say what it runs on, and how busy that was before."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "websockets", "uvloop"))
    return (
        f"{os.cpu_count()} cores, load average before {os.getloadavg()[0]:.2f}; "
        f"Linux {platform.release()}, Python {platform.python_version()}, {versions}."
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

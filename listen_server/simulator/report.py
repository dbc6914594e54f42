"""What a person or a program sees of calls: a bar and a summary, or one JSON line each.

cli.py picks one of the two; runner.py tells it how the calls go.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from listen_server.simulator.live import CallResult, SimulatedCall

_BARS = 8  # calls that get a bar of their own; more share one


class Report(Protocol):
    """What the runner tells while calls go on."""

    def moved(self) -> None:
        """Show how far the calls are. Comes about ten times a second."""

    def ended(self, number: int, result: CallResult) -> None:
        """Show what became of call `number`, counted from 1."""


class JsonLines:
    """One line of JSON for each call, as it ends."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def moved(self) -> None:
        """Say nothing: a line is for the end."""

    def ended(self, number: int, result: CallResult) -> None:
        """Write the call's line, for whoever reads along."""
        self._out.write(json.dumps({"call": number} | result.as_json()) + "\n")
        self._out.flush()


class Bars:
    """Progress bars on a terminal; a summary follows with `summary`."""

    def __init__(self, progress: Progress, calls: Sequence[SimulatedCall]) -> None:
        self._progress = progress
        single = len(calls) <= _BARS
        groups = [[call] for call in calls] if single else [list(calls)]
        self._groups: list[tuple[TaskID, list[SimulatedCall]]] = []
        for number, group in enumerate(groups, 1):
            name = f"call {number}" if single else f"{len(calls)} calls"
            seconds = sum(call.seconds for call in group)
            self._groups.append((progress.add_task(name, total=seconds), group))

    def moved(self) -> None:
        """Move every bar to where its calls are."""
        for task, group in self._groups:
            self._progress.update(task, completed=sum(call.at for call in group))

    def ended(self, number: int, result: CallResult) -> None:
        """Leave the rest to the summary."""
        del number, result
        self.moved()


@contextmanager
def bars(console: Console, calls: Sequence[SimulatedCall]) -> Iterator[Bars]:
    """Show bars for as long as the calls last."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f} of {task.total:.1f} s of audio"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress, calls)


def summary(results: Sequence[CallResult]) -> str:
    """Return what all calls came to, in a line or two."""
    if len(results) == 1 and (result := results[0]).ended != "not connected":
        heard = Counter(command.type for command in result.commands)
        return (
            f"{result.ended}: {result.seconds:.2f} s of audio in {result.frames} frames\n"
            f"sha256 of the audio sent: {result.sha256}"
            + (f"\nthe server asked for: {_counted(heard)}" if heard else "")
        )
    ends = Counter(str(result.ended) for result in results)
    frames = sum(result.frames for result in results)
    seconds = sum(result.seconds for result in results)
    return f"{_counted(ends)}; {seconds:.1f} s of audio in {frames} frames"


def faults(results: Sequence[CallResult]) -> list[str]:
    """Return why calls did not go as scripted, each reason once."""
    counted = Counter(result.fault for result in results if result.fault is not None)
    if len(results) == 1:
        return list(counted)
    return [f"{count} of {len(results)} calls: {fault}" for fault, count in counted.items()]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.items())

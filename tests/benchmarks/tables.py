"""Results as Markdown tables. aims.py says which of them were wanted."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.applications import Asked, Held
from benchmarks.away import Beside
from benchmarks.ending import Ended
from benchmarks.range_read import RangeRead
from benchmarks.runs import Result, Unplaced
from benchmarks.transcribing import Transcribed

NOTHING: Final = "-"
Columns: TypeAlias = Mapping[str, Callable[[Sequence[Any]], str]]
"""Titles, and what is in the column for the rounds of one row."""


def number(value: float | None, digits: int = 0) -> str:
    """Write a number, if there is one."""
    return NOTHING if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0


def middle(results: Sequence[Any], key: str) -> float | None:
    """Return the median of the rounds that know it."""
    known = [value for one in results if (value := getattr(one, key)) is not None]
    return median(known) if known else None


def _middle(key: str, digits: int = 0, times: int = 1) -> Callable[[Sequence[Any]], str]:
    def cell(results: Sequence[Any]) -> str:
        value = middle(results, key)
        return number(None if value is None else times * value, digits)

    return cell


def _most(key: str) -> Callable[[Sequence[Any]], str]:
    return lambda results: number(max(getattr(one, key) for one in results))


def _calls(results: Sequence[Result]) -> str:
    plan = results[0].plan
    return f"{plan.calls} {'stereo' if plan.channels == 2 else 'mono'}"


def _cost(results: Sequence[Result]) -> str:
    costs = [one.cpu for one in results]
    spread = f" ({min(costs):.1f}-{max(costs):.1f})" if len(costs) > 1 else ""
    return f"{median(costs):.1f}{spread}"


SERVERS: Final[Columns] = {
    "server": lambda results: str(results[0].server),
    "calls": _calls,
    "CPU us/frame": _cost,
    "core %": _middle("core", times=100),
    "RSS KiB/call": _middle("rss"),
    "to sink p50 ms": _middle("delay_p50", 1),
    "p99 ms": _middle("delay_p99", 1),
    "loop lag p99 ms": _middle("lag_p99", 1),
    "frames lost": _most("lost"),
    "load late p99 us": _middle("late_p99"),
    "backlog B": _middle("backlog"),
    "no core %": _middle("waited", times=100),
    "others, cores": _middle("others", 1),
}
ENDINGS: Final[Columns] = {
    "server": lambda results: str(results[0].server),
    "ended": lambda results: str(results[0].ended),
    "went on": lambda results: str(results[0].live),
    "all shipped after s": _middle("shipped_after", 1),
    "to sink p99 ms": _middle("delay_p99", 1),
    "loop lag p99 ms": _middle("lag_p99", 1),
    "at most ms": _middle("lag_most", 1),
    "CPU ms/message": _middle("cpu", 1, times=1000),
    "frames lost": _most("lost"),
    "load late p99 us": _middle("late_p99"),
    "threads without core": _middle("queued", 1),
}
RANGES: Final[Columns] = {
    "message s": _middle("seconds"),
    "object KiB": lambda results: number(results[0].size / 1024),
    "wanted KiB": lambda results: number(results[0].wanted / 1024, 1),
    "read KiB": lambda results: number(results[0].read / 1024, 1),
    "took ms": _middle("took", 1),
}


TRANSCRIPTS: Final[Columns] = {
    "sink": lambda results: str(results[0].sink),
    "calls": lambda results: str(results[0].calls),
    "CPU us/frame": _cost,
    "RSS KiB/call": _middle("rss"),
    "to result p50 ms": _middle("delay_p50", 1),
    "p99 ms": _middle("delay_p99", 1),
    "calls wrong": _middle("wrong"),
    "no core %": _middle("waited", times=100),
}


BESIDE: Final[Columns] = {
    "engine": lambda results: str(results[0].engine),
    "calls": lambda results: str(results[0].calls),
    "CPU us/frame": _cost,
    "RSS KiB/call": _middle("rss"),
    "to the other sink p50 ms": _middle("delay_p50", 1),
    "p99 ms": _middle("delay_p99", 1),
    "frames lost": _most("lost"),
    "no core %": _middle("waited", times=100),
}
SOCKETS: Final[Columns] = {
    "sockets": lambda results: str(results[0].sockets),
    "RSS KiB/socket": _middle("rss", 1),
    "lost": _most("lost"),
    "core %": _middle("core", 1, times=100),
}
HOOKS: Final[Columns] = {
    "over": lambda results: str(results[0].transport),
    "calls/s": lambda results: str(results[0].rate),
    "answered p50 ms": _middle("p50", 1),
    "p99 ms": _middle("p99", 1),
    "calls wrong": _most("wrong"),
    "CPU ms/call": _middle("cpu", 2),
    "load late p99 us": _middle("late_p99"),
    "no core %": _middle("waited", times=100),
}


def tables(results: Sequence[object]) -> str:
    """Return all that was measured in one arm: a row for each server and plan, and what was not."""
    parts = [
        _table(SERVERS, [one for one in results if isinstance(one, Result)]),
        _table(ENDINGS, [one for one in results if isinstance(one, Ended)]),
        _table(RANGES, [one for one in results if isinstance(one, RangeRead)]),
        _table(TRANSCRIPTS, [one for one in results if isinstance(one, Transcribed)]),
        _table(BESIDE, [one for one in results if isinstance(one, Beside)]),
        _table(SOCKETS, [one for one in results if isinstance(one, Held)]),
        _table(HOOKS, [one for one in results if isinstance(one, Asked)]),
    ]
    parts += [
        f"Not measured: {one.server} with {one.plan.calls} calls: {one.why}."
        for one in results
        if isinstance(one, Unplaced)
    ]
    return "\n\n".join(filter(None, parts))


def _table(columns: Columns, results: Sequence[Any]) -> str:
    rounds: dict[tuple[object, object], list[Any]] = {}
    for one in results:
        names = (getattr(one, key, None) for key in ("server", "sink", "engine", "transport"))
        row = next(filter(None, names), None), getattr(one, "plan", None)
        rounds.setdefault(row, []).append(one)
    cells = [[cell(row) for cell in columns.values()] for row in rounds.values()]
    return markdown([list(columns), *cells]) if cells else ""


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first row is its head, its first column is text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ruler = "|".join("-" * (width + 2) for width in widths)
    head, *others = [_line(row, widths) for row in rows]
    return "\n".join([head, f"|{ruler}|", *others])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return f"| {row[0].ljust(widths[0])} | {' | '.join(cells[1:])} |"

"""Results as tables, and the goals that they reach or miss. runs.py made them."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from benchmarks.contenders import DISCARD, RECORDING, STOCK, THROTTLED
from benchmarks.runs import Result

TICK: Final = 0.1  # seconds: the default of the server
LATE: Final = 2000  # us
NOTHING: Final = "-"
COLUMNS: Final = (
    ("server", "server"),
    ("calls", "calls"),
    ("cpu", "CPU us/frame"),
    ("core", "core %"),
    ("rss", "RSS KiB/call"),
    ("delay_p50", "to sink p50 ms"),
    ("delay_p99", "p99 ms"),
    ("lag_p99", "loop lag p99 ms"),
    ("lost", "frames lost"),
    ("late_p99", "load late p99 us"),
    ("backlog", "backlog B"),
)


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table with one row for each contender: the median of its rounds."""
    groups: dict[tuple[str, object], list[Result]] = {}
    for result in results:
        groups.setdefault((result.server, result.plan), []).append(result)
    rows = [[title for _, title in COLUMNS], *map(_row, groups.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    ruler = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([lines[0], f"|{ruler}|", *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return f"| {row[0].ljust(widths[0])} | {' | '.join(cells[1:])} |"


def _row(group: Sequence[Result]) -> list[str]:
    plan = group[0].plan
    middle = {key: _median([getattr(result, key) for result in group]) for key, _ in COLUMNS[2:]}
    lost = max(result.lost for result in group)
    costs = [result.cpu for result in group]
    spread = f" ({min(costs):.1f}-{max(costs):.1f})" if len(group) > 1 else ""
    return [
        group[0].server,
        f"{plan.calls} {'stereo' if plan.channels == 2 else 'mono'}",
        f"{middle['cpu']:.1f}{spread}",
        f"{100 * (middle['core'] or 0):.0f}",
        f"{middle['rss']:.0f}",
        *(_number(middle[key], 1) for key in ("delay_p50", "delay_p99", "lag_p99")),
        f"{lost:.0f}",
        *(_number(middle[key], 0) for key in ("late_p99", "backlog")),
    ]


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def goals(
    compared: Sequence[Result], delayed: Sequence[Result], one_core: Sequence[Result]
) -> Iterator[str]:
    """Yield a sentence for each goal: what it is, what was measured, met or by how much not."""
    yield _ratio("throttled / untouched", compared, [THROTTLED], 0.5)
    yield _ratio("our class / untouched", compared, [DISCARD], 0.25)
    yield _ratio("recording adds / untouched", compared, [RECORDING, DISCARD], 0.3)
    resident = [result.rss for result in compared if result.server == DISCARD]
    yield _goal("RSS per call on discard, KiB", _median(resident), 64, 0)
    for result in delayed:
        title = f"p99 to sink at {result.plan.calls} calls, ms"
        yield _goal(title, result.delay_p99, 1000 * TICK + 20, 0)
    for result in one_core:
        title = f"frames and calls lost at {result.plan.calls} calls on one core"
        yield _goal(title, result.lost + result.lost_calls, 0, 0)


def _ratio(title: str, results: Sequence[Result], servers: Sequence[str], most: float) -> str:
    """Compare the first server, less the second one, with the untouched one, round by round."""
    ratios = [
        (costs[servers[0]] - sum(costs[server] for server in servers[1:])) / costs[STOCK]
        for costs in _rounds(results)
        if {STOCK, *servers} <= costs.keys()
    ]
    return _goal(title, _median(ratios), most)


def _goal(title: str, value: float | None, most: float, digits: int = 2) -> str:
    if value is None:
        return f"{title}: not measured"
    verdict = "met" if value <= most else f"missed by {value - most:.{digits}f}"
    return f"{title}: {value:.{digits}f} (at most {most:.{digits}f}): {verdict}"


def _rounds(results: Sequence[Result]) -> list[dict[str, float]]:
    """Return the CPU per frame of what ran side by side, by server."""
    rounds: list[dict[str, float]] = []
    for result in results:
        if not rounds or result.server in rounds[-1]:
            rounds.append({})
        rounds[-1][result.server] = result.cpu
    return rounds


def too_busy(results: Sequence[Result]) -> bool:
    """Tell whether the load came so late that the figures say little."""
    return any((result.late_p99 or 0) > LATE for result in results)

"""What is to be reached, as ratios and bounds, and by how much it is missed. tables.py has more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.applications import TRANSPORTS, Asked, Held
from benchmarks.away import DEAD, ENGINES, HANGING, HEALTHY, Beside
from benchmarks.contenders import DISCARD, RECORDING, STOCK, THROTTLED, VOICEMAIL, Contender
from benchmarks.ending import Ended
from benchmarks.range_read import RangeRead
from benchmarks.runs import Result, Unplaced
from benchmarks.tables import markdown, middle, number
from benchmarks.transcribing import Transcribed

TICK: Final = 100.0  # ms: the default of the server
SOON: Final = TICK + 20  # ms, from a block's oldest sample to its sink
RESPONSIVE: Final = 20.0  # ms of loop lag
SOCKET: Final = 60.0  # KiB
VERBS: Final = 10.0  # ms
_Round: TypeAlias = dict[str, Result]  # by server


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound, and what was measured; None is not measured."""

    what: str
    most: float
    measured: float | None
    digits: int = 0
    instead: str = ""  # what happened if nothing could be measured because the server failed

    @property
    def verdict(self) -> str:
        """Say whether it is met, or by how much not."""
        if self.measured is None:
            return f"missed: {self.instead}" if self.instead else "not measured"
        if round(self.measured, self.digits) <= self.most:
            return "met"
        return f"missed by {number(self.measured - self.most, self.digits)}"

    @property
    def row(self) -> list[str]:
        """Return the cells of a table."""
        bound, measured = (number(value, self.digits) for value in (self.most, self.measured))
        return [self.what, bound, measured, self.verdict]


def of_receiving(results: Sequence[Any]) -> list[Aim]:
    """Compare what frames cost, side by side."""
    rounds = _rounds(results)
    kind = "stereo" if any(one.plan.channels == 2 for one in _runs(results)) else "mono"
    return [
        Aim(f"CPU, {kind}: throttled / untouched", 0.5, _ratio(rounds, THROTTLED), 2),
        Aim(f"CPU, {kind}: our class / untouched", 0.25, _ratio(rounds, DISCARD), 2),
        Aim(f"CPU, {kind}: recording adds / untouched", 0.3, _added(rounds, RECORDING), 2),
        Aim(f"RSS, {kind}: KiB per call on discard", 64, _resident(rounds, DISCARD)),
        _nothing_lost(_title(results), results),
    ]


def of_delay(results: Sequence[Any]) -> list[Aim]:
    """Ask how soon audio is in its sink."""
    title = _title(results)
    p99 = middle(_runs(results), "delay_p99")
    return [
        Aim(f"{title}: p99 to sink, ms", SOON, p99, instead=_instead(results)),
        _nothing_lost(title, results),
    ]


def of_one_core(results: Sequence[Any]) -> list[Aim]:
    """Ask whether so many calls find room on one core."""
    return [_nothing_lost(f"{_title(results)} on one core", results)]


def of_voicemail(results: Sequence[Any]) -> list[Aim]:
    """Ask what sealing and keeping cost on top of receiving."""
    rounds = _rounds(results)
    resident = [
        both[0].rss - both[1].rss for one in rounds if (both := _both(one, VOICEMAIL, DISCARD))
    ]
    return [
        Aim("CPU: voicemail adds / untouched", 0.25, _added(rounds, VOICEMAIL), 2),
        Aim("RSS: KiB per call that voicemail adds", 64, median(resident) if resident else None),
        _nothing_lost(_title(results), results),
    ]


def of_slow_syncs(results: Sequence[Any]) -> list[Aim]:
    """Ask whether a slow disk is felt by the event loop."""
    lag = middle(_runs(results), "lag_p99")
    return [
        Aim("slow syncs: loop lag p99, ms", RESPONSIVE, lag, 1, _instead(results)),
        _nothing_lost("slow syncs", results),
    ]


def of_ending(results: Sequence[Any]) -> list[Aim]:
    """Ask whether live calls notice that others end."""
    ended = [one for one in results if isinstance(one, Ended)]
    title = f"{ended[0].ended} end at once" if ended else "many end at once"
    lost = max((one.lost + one.lost_calls for one in ended), default=None)
    instead = _instead(results)
    return [
        Aim(f"{title}: loop lag p99, ms", RESPONSIVE, middle(ended, "lag_p99"), 1, instead),
        Aim(f"{title}: p99 to sink of others, ms", SOON, middle(ended, "delay_p99"), 0, instead),
        Aim(f"{title}: frames and calls lost", 0, lost, 0, instead),
    ]


def of_range(results: Sequence[Any]) -> list[Aim]:
    """Ask how much is read for a little."""
    read = [one.read / 1024 for one in results if isinstance(one, RangeRead)]
    return [Aim("a second of an hour: KiB read", 100, max(read, default=None), 1)]


def of_transcripts(results: Sequence[Any]) -> list[Aim]:
    """Ask what an engine in another process costs: its sink alone, and what receiving costs."""
    found = [one for one in results if isinstance(one, Transcribed)]
    google, discard = ([one for one in found if one.sink == name] for name in ("google", "discard"))
    untouched = middle(_runs(results), "cpu")
    added = [
        (one.cpu - other.cpu, one.rss - other.rss)
        for one, other in zip(google, discard, strict=False)
    ]
    cpu = median(cost for cost, _ in added) / untouched if added and untouched else None
    wrong = max((one.wrong for one in google if one.wrong is not None), default=None)
    return [
        Aim("CPU: google adds / untouched", 2, cpu, 2),
        Aim(
            "RSS: KiB per call that google adds",
            100,
            median(k for _, k in added) if added else None,
        ),
        Aim("a token to its result, p99, ms", 300, middle(google, "delay_p99")),
        Aim("calls with a token lost or twice", 0, wrong),
    ]


def of_away(results: Sequence[Any]) -> list[Aim]:
    """Ask what a sink notices of another one whose engine is dead, or hangs."""
    found = [one for one in results if isinstance(one, Beside)]
    by_engine = {name: [one for one in found if one.engine == name] for name in ENGINES}
    aims = []
    for engine, says in ((DEAD, "a dead engine"), (HANGING, "an engine that hangs")):
        pairs = list(zip(by_engine[engine], by_engine[HEALTHY], strict=False))
        cpu = [away.cpu / healthy.cpu for away, healthy in pairs]
        late = [away.delay_p99 / healthy.delay_p99 for away, healthy in pairs]
        aims += [
            Aim(f"CPU: {says} / a healthy one", 1, median(cpu) if cpu else None, 2),
            Aim(f"p99 to another sink: {says} / healthy", 1, median(late) if late else None, 2),
        ]
    lost = max((one.lost for one in found), default=None)
    return [*aims, Aim("beside an engine: frames lost of another sink", 0, lost)]


def of_sockets(results: Sequence[Any]) -> list[Aim]:
    """Ask what application sockets cost that say nothing."""
    held = [one for one in results if isinstance(one, Held)]
    title = f"{held[0].sockets} idle application sockets" if held else "idle application sockets"
    return [
        Aim(f"{title}: KiB RSS each", SOCKET, middle(held, "rss"), 1),
        Aim(f"{title}: lost", 0, max((one.lost for one in held), default=None)),
    ]


def of_hooks(results: Sequence[Any]) -> list[Aim]:
    """Ask how soon a call that is set up gets its verbs."""
    asked = [one for one in results if isinstance(one, Asked)]
    rate = f"{asked[0].rate} call set-ups/s" if asked else "call set-ups"
    p99 = [
        Aim(f"{rate} over {name}: p99 to verbs, ms", VERBS, middle(these, "p99"), 1)
        for name in TRANSPORTS
        for these in [[one for one in asked if one.transport == name]]
    ]
    return [*p99, Aim(f"{rate}: without verbs", 0, max((one.wrong for one in asked), default=None))]


def summary(aims: Sequence[Aim]) -> str:
    """Return all aims as a table."""
    return markdown([["aim", "at most", "measured", "verdict"], *(aim.row for aim in aims)])


def _runs(results: Sequence[Any]) -> list[Result]:
    return [one for one in results if isinstance(one, Result)]


def _title(results: Sequence[Any]) -> str:
    for one in results:
        if isinstance(one, Result | Unplaced):
            return f"{one.plan.calls} {'stereo' if one.plan.channels == 2 else 'mono'} calls"
    return "calls"


def _instead(results: Sequence[Any]) -> str:
    return next((one.why for one in results if isinstance(one, Unplaced)), "")


def _nothing_lost(title: str, results: Sequence[Any]) -> Aim:
    lost = [one.lost + one.lost_calls for one in _runs(results)]
    instead = _instead(results)
    measured = None if instead and not any(lost) else max(lost, default=None)
    return Aim(f"{title}: frames and calls lost", 0, measured, 0, instead)


def _rounds(results: Sequence[Any]) -> list[_Round]:
    """Put together what ran side by side."""
    rounds: list[_Round] = []
    seen: set[str] = set()
    for one in results:
        if not rounds or one.server in seen:
            rounds.append({})
            seen.clear()
        seen.add(one.server)
        if isinstance(one, Result):
            rounds[-1][one.server] = one
    return rounds


def _both(one: _Round, *wanted: Contender) -> list[Result] | None:
    found = [one[server.name] for server in wanted if server.name in one]
    return found if len(found) == len(wanted) else None


def _of_rounds(
    rounds: Sequence[_Round], wanted: Sequence[Contender], act: Callable[..., float]
) -> float | None:
    together = [found for one in rounds if (found := _both(one, *wanted))]
    values = [act(*(result.cpu for result in found)) for found in together]
    return median(values) if values else None


def _ratio(rounds: Sequence[_Round], server: Contender) -> float | None:
    return _of_rounds(rounds, [server, STOCK], lambda cost, untouched: cost / untouched)


def _added(rounds: Sequence[_Round], server: Contender) -> float | None:
    """Return what a sink costs on top of discard, as a share of what untouched costs."""
    return _of_rounds(
        rounds, [server, DISCARD, STOCK], lambda cost, ours, untouched: (cost - ours) / untouched
    )


def _resident(rounds: Sequence[_Round], server: Contender) -> float | None:
    found = [one[server.name].rss for one in rounds if server.name in one]
    return median(found) if found else None

"""Many messages that end at once, beside calls that go on: what the others notice of it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from benchmarks.contenders import Contender
from benchmarks.load import BenchError, Load, Plan
from benchmarks.processes import Usage
from benchmarks.runs import Unplaced, lost_frames, metered, percentile, placing

PATIENCE: Final = 120.0  # seconds for all to be shipped
AFTERWARDS: Final = 1.0  # seconds that the others are still watched
_EVERY: Final = 0.1  # seconds between two looks at the spool


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it."""

    server: str
    live: int  # calls that went on
    ended: int  # calls that ended
    shipped_after: float  # seconds from the first end until the last one was in the store
    delay_p99: float | None  # ms, from a block's oldest sample to its sink, of those that went on
    lag_p99: float | None  # ms, of the event loop
    lag_most: float | None
    lost: float  # frames, of all
    lost_calls: int
    late_p99: float | None  # us, of the load of those that went on
    cpu: float  # seconds of the server, for each message that ended
    queued: float  # threads of the server that could run and had no core, on average


def end_at_once(contender: Contender, load: Load, live: Plan, ending: Plan) -> Ended | Unplaced:
    """Place calls, and more; end these all at once, and wait until they are shipped."""
    with tempfile.TemporaryDirectory(prefix="listen-bench-") as name:
        directory = Path(name)
        with contender.start(directory) as server, placing(server, load, live) as going_on:
            with placing(server, load, ending) as short:
                sleep(ending.settling + ending.seconds)
                before = Usage.of(server.pid)
                first = load.sent(short)
            shipped = _until_shipped(directory / "data" / "spool", live.calls)
            used = Usage.of(server.pid).since(before)
            sleep(AFTERWARDS)
            end = monotonic()
            going_on.terminate()
            others = load.sent(going_on)
            received = server.stop(live.channels)
        delays, lags, wrong = metered(directory, first.ended, end)
    return Ended(
        server=contender.name,
        live=live.calls,
        ended=ending.calls,
        shipped_after=shipped - first.ended,
        delay_p99=percentile(delays, 99),
        lag_p99=percentile(lags, 99),
        lag_most=percentile(lags, 100),
        lost=lost_frames([first, others], received) + wrong,
        lost_calls=first.lost_calls + others.lost_calls,
        late_p99=others.late_p99,
        cpu=used.cpu / ending.calls,
        queued=used.waited / used.at,
    )


def _until_shipped(spool: Path, live: int) -> float:
    """Return when there are no more messages in the spool than calls go on, monotonic."""
    deadline = monotonic() + PATIENCE
    while sum(1 for _ in spool.rglob("*.note")) > live:
        if monotonic() > deadline:
            raise BenchError(f"messages are in the spool after {PATIENCE:.0f} s")
        sleep(_EVERY)
    return monotonic()

"""When figures are not to be believed."""

from dataclasses import replace

import pytest
from benchmarks.disturbances import too_busy, warnings
from benchmarks.load import Plan
from benchmarks.range_read import RangeRead
from benchmarks.runs import Result, Unplaced

RESULT = Result(
    server="ours",
    plan=Plan(500),
    cpu=5.0,
    core=0.125,
    rss=40.4,
    delay_p50=None,
    delay_p99=None,
    lag_p99=None,
    lost=0.0,
    lost_calls=0,
    late_p99=None,
    backlog=None,
    waited=0.0,
    others=0.0,
)


def test_a_quiet_machine_is_no_matter_of_a_warning() -> None:
    results = [RESULT, Unplaced("ours", Plan(1), "why"), RangeRead(1.0, 1, 1, 1, 1.0)]

    assert not too_busy(results)
    assert warnings(results, 0.0) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"late_p99": 2500.0}, "the load was up to 2.5 ms late"),
        ({"waited": 0.4}, "servers waited for a core up to 40 % of the time"),
        ({"others": 1.24}, "others used up to 1.2 cores"),
    ],
)
def test_a_disturbed_run_is_counted_and_described(change: dict[str, float], says: str) -> None:
    disturbed = replace(RESULT, **change)  # type: ignore[arg-type] # each of them is a float

    (sentence,) = warnings([RESULT, disturbed, RESULT], 0.0)

    assert too_busy([disturbed])
    assert sentence.startswith("1 of 3 runs")
    assert says in sentence


def test_time_that_other_virtual_machines_took_is_told() -> None:
    assert warnings([RESULT], 0.12) == ["Other virtual machines took 12 % of the cores."]

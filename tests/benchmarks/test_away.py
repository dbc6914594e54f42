"""The arm for engines that are away, with three calls: what it measures is no matter of a test."""

from benchmarks.away import HANGING, beside
from benchmarks.tables import NOTHING, tables


def test_three_calls_beside_an_engine_that_hangs_lose_nothing() -> None:
    result = beside(HANGING, 3, 1)

    assert (result.engine, result.calls, result.lost) == (HANGING, 3, 0)
    assert 0 <= result.delay_p50 <= result.delay_p99
    assert f" {NOTHING} " not in tables([result])

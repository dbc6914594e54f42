"""How far a stream is understood: in all of its channels, and by the stream's own clock."""

import pytest

from listen_sinks.transcript.api import EngineAway, Result
from listen_sinks.transcript.coverage import OVERLAP, Coverage
from listen_sinks.transcript.timeline import Timeline

RATE = 8000


def final(channel: int, start: float, end: float) -> Result:
    return Result("words", channel, start, end, is_final=True)


def test_the_next_engine_begins_where_the_party_that_is_behind_was_understood() -> None:
    coverage = Coverage(2, RATE)
    coverage.cover(final(0, 0.0, 9.0))
    coverage.cover(final(1, 0.0, 4.0))

    assert coverage.end == 4 * RATE
    assert coverage.start == (4 - OVERLAP) * RATE
    assert coverage.new(final(0, 4.0, 8.9)) is None
    assert coverage.new(final(1, 4.0, 8.9)) is not None


@pytest.mark.parametrize("channel", [-1, 1, 7])
def test_a_result_of_a_channel_that_there_is_not_is_none(channel: int) -> None:
    assert Coverage(1, RATE).new(final(channel, 0.0, 1.0)) is None


@pytest.mark.parametrize(("says", "covered"), [(2.0, 12.0), (60.0, 15.0)])
def test_what_an_engine_calls_covered_is_by_its_clock_and_never_more_than_it_had(
    says: float, covered: float
) -> None:
    coverage = Coverage(1, RATE)
    line = Timeline(RATE, 0)
    line.give(10 * RATE, 5 * RATE)  # what was before could not be had
    before = coverage.progress
    coverage.settle(EngineAway("gone", covered=says), line)

    assert coverage.end == covered * RATE
    assert coverage.progress != before

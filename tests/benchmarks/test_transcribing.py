"""The arm for transcripts, with three calls: what it measures is no matter of a test."""

from benchmarks.aims import of_transcripts
from benchmarks.tables import NOTHING, tables
from benchmarks.transcribing import transcribe


def test_three_calls_are_understood_token_by_token() -> None:
    result = transcribe("google", 3, 1)

    assert (result.calls, result.wrong) == (3, 0)
    assert result.delay_p99 is not None
    assert f" {NOTHING} " not in tables([result])


def test_what_could_not_be_measured_is_no_aim_that_was_met() -> None:
    assert {aim.verdict for aim in of_transcripts([])} == {"not measured"}


def test_the_sink_that_does_nothing_has_no_delay() -> None:
    result = transcribe("discard", 2, 1)

    assert (result.delay_p99, result.wrong) == (None, None)

"""An engine's clock is told in seconds of the stream, and nothing is told twice."""

from listen_sinks.transcript.api import Result, Word
from listen_sinks.transcript.timeline import Timeline, without_repeats


def said(*words: tuple[str, float, float], timed: bool = True) -> Result:
    return Result(
        " ".join(text for text, _, _ in words),
        0,
        words[0][1],
        words[-1][2],
        is_final=True,
        words=tuple(Word(*word) for word in words) if timed else (),
    )


def test_what_an_engine_was_not_given_is_on_no_clock_but_the_streams() -> None:
    line = Timeline(1000, 5000)
    line.give(5000, 2000)
    line.give(9000, 1000)

    assert [line.at(t) for t in (0.0, 1.5, 2.0, 2.5, 3.0)] == [5.0, 6.5, 9.0, 9.5, 10.0]
    assert line.position == 10000
    told = line.told(said(("one", 1.0, 1.4), ("two", 2.5, 2.8)))
    assert (told.start, told.end) == (6.0, 9.8)
    assert [(word.start, word.end) for word in told.words] == [(6.0, 6.4), (9.5, 9.8)]


def test_words_that_were_told_are_left_out() -> None:
    result = said(("one", 1.0, 1.4), ("two", 1.5, 1.9), ("three", 2.1, 2.5))

    assert without_repeats(result, 1.0) == result
    left = without_repeats(result, 1.5)
    assert left is not None
    assert (left.text, left.start) == ("two three", 1.5)
    assert without_repeats(result, 3.0) is None


def test_a_result_without_words_counts_by_its_middle() -> None:
    result = said(("one", 1.0, 1.4), ("two", 2.5, 3.0), timed=False)
    assert without_repeats(result, 1.9) == result
    assert without_repeats(result, 2.1) is None

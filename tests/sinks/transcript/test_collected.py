"""A transcript comes back as it was kept, and never grows without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.transcript.api import Result, Word
from listen_sinks.transcript.collected import MOST_TEXT, MOST_WORDS, Transcript, decode, encode


def result(text: str, start: float = 0.0, channel: int = 0, words: int = 0) -> Result:
    times = tuple(Word(f"w{n}", n / 10, (n + 1) / 10, 0.5) for n in range(words))
    return Result(text, channel, start, start + 1, is_final=True, confidence=0.75, words=times)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(texts=st.lists(TEXTS, max_size=5), missed=st.lists(st.integers(0, 100), max_size=4))
def test_it_is_read_as_it_was_kept(texts: list[str], missed: list[int]) -> None:
    kept = Transcript("google", "de-DE", whole=True)
    for number, text in enumerate(texts):
        kept.add(result(text, number, number % 2, words=number))
    for second in missed:
        kept.miss(second, second + 1.5)

    read = decode(encode(kept))
    assert read.results == kept.results
    assert read.uncovered == kept.uncovered
    assert (read.engine, read.language, read.whole) == ("google", "de-DE", True)
    assert read.made_at == kept.made_at


def test_channels_are_told_in_the_order_in_which_they_speak() -> None:
    transcript = Transcript("google", "en-US")
    transcript.add(result("and you?", 5.0, 1))
    transcript.add(result("how are you", 1.0, 0))
    assert transcript.text() == "how are you and you?"
    assert transcript.text(1) == "and you?"


def test_ranges_that_touch_are_one() -> None:
    transcript = Transcript("google", "en-US", whole=True)
    assert transcript.complete
    for start, end in [(4.0, 5.0), (1.0, 2.0), (2.0, 3.0), (4.5, 6.0), (9.0, 9.0)]:
        transcript.miss(start, end)
    assert transcript.uncovered == [(1.0, 3.0), (4.0, 6.0)]
    assert not transcript.complete


def test_an_engine_that_never_stops_does_not_fill_the_memory() -> None:
    transcript = Transcript("google", "en-US", whole=True)
    assert transcript.add(result("x" * MOST_TEXT))
    assert not transcript.add(result("one more", 7.0))
    assert transcript.uncovered == [(7.0, 8.0)]


def test_of_very_many_words_there_is_the_text() -> None:
    transcript = Transcript("google", "en-US")
    transcript.add(result("first", words=MOST_WORDS))
    transcript.add(result("second", words=3))
    first, second = decode(encode(transcript)).results
    assert len(first.words) == MOST_WORDS
    assert (second.text, second.words) == ("second", ())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'{"version":2}', b'{"version":1}', b"\xff"])
def test_what_is_no_transcript_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)


def test_words_do_not_show_when_it_is_printed() -> None:
    transcript = Transcript("google", "en-US")
    transcript.add(result("a secret", words=1))
    assert "secret" not in repr(transcript)
    assert "w0" not in repr(transcript.results[0])

"""The word error rate is that of the shortest edit, whatever the spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.transcript.word_errors import word_errors, words_of

SENTENCES = st.lists(st.sampled_from(["the", "cat", "sat", "mat", "a"]), max_size=8)


@pytest.mark.parametrize(
    ("said", "understood", "counts"),
    [
        ("the cat sat", "the cat sat", (0, 0, 0)),
        ("the cat sat", "the bat sat", (1, 0, 0)),
        ("the cat sat", "the sat", (0, 1, 0)),
        ("the cat sat", "the cat it sat", (0, 0, 1)),
        ("the cat sat", "", (0, 3, 0)),
        ("", "the cat", (0, 0, 2)),
        ("one two three four", "zero one two four", (0, 1, 1)),
    ],
)
def test_wrong_missing_and_added_words_are_told_apart(
    said: str, understood: str, counts: tuple[int, int, int]
) -> None:
    found = word_errors(said, understood)
    assert (found.substituted, found.deleted, found.inserted) == counts
    assert found.said == len(said.split())


def test_the_rate_is_errors_per_word_that_was_said() -> None:
    assert word_errors("one two three four", "one too three").rate == 0.5
    assert word_errors("one", "two three").rate == 2.0
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "noise").rate == 1.0


def test_case_punctuation_and_apostrophes_do_not_count() -> None:
    assert words_of("Hello, it\N{RIGHT SINGLE QUOTATION MARK}s 'Robert' -- call me!") == [
        "hello",
        "it's",
        "robert",
        "call",
        "me",
    ]


@given(said=SENTENCES, understood=SENTENCES)
def test_the_counts_add_up_and_no_edit_is_shorter(said: list[str], understood: list[str]) -> None:
    found = word_errors(" ".join(said), " ".join(understood))
    errors = found.substituted + found.deleted + found.inserted
    back = word_errors(" ".join(understood), " ".join(said))

    assert len(said) - found.deleted + found.inserted == len(understood)
    assert abs(len(said) - len(understood)) <= errors <= max(len(said), len(understood))
    assert errors == back.substituted + back.deleted + back.inserted
    assert (errors == 0) == (said == understood)

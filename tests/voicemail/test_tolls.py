"""Which numbers may be called back: what an operator lists, and nothing that costs more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.voicemail.tolls import COSTLY, may_call

DIGITS = st.text("0123456789", max_size=18)


def test_nobody_is_called_unless_a_prefix_is_listed() -> None:
    assert may_call("+15551230003", ()) is None
    assert may_call("+15551230003", ("+1",)) == "+15551230003"
    assert may_call("+4930123456", ("+1",)) is None


@pytest.mark.parametrize(
    "number",
    [
        *("+19005550100", "+18095550100", "+18765550100", "+88213123456"),
        *("+447012345678", "+447612345678", "+4911833", "+491805123456", "+77012345678"),
    ],
)
def test_what_costs_more_must_be_listed_itself(number: str) -> None:
    assert may_call(number, ("+1", "+7", "+8", "+44", "+49")) is None
    assert may_call(number, ("+1", "+7", number[:6])) == number


@pytest.mark.parametrize(
    "number",
    [
        *("+119005550100", "0011900555010", "+190055501001", "+1900555010", "+4409011234567"),
        *("00490900123456", "+3580600123456", "+70771234567", "+33089912345"),
    ],
)
def test_a_digit_too_many_hides_no_costly_number(number: str) -> None:
    assert may_call(number, ("+1", "+44", "+49", "+358", "+7", "+33")) is None


@pytest.mark.parametrize("number", ["+390144123456", "+8801712345678", "+442079460000"])
def test_a_zero_that_is_part_of_a_number_hides_nothing(number: str) -> None:
    assert may_call(number, ("+39", "+880", "+44")) == number


def test_the_same_number_is_the_same_however_it_is_written() -> None:
    assert may_call("004930123456", ("+49 30",)) == "+4930123456"


@pytest.mark.parametrize("number", [None, "", "anonymous", "030123456", "911", "+1", "+0123456789"])
def test_a_number_without_its_country_is_not_called(number: str | None) -> None:
    assert may_call(number, ("+1", "+0", "+9", "030", "+")) is None


@given(number=DIGITS, prefixes=st.lists(DIGITS, max_size=4))
def test_only_what_begins_with_a_listed_prefix_is_ever_called(
    number: str, prefixes: list[str]
) -> None:
    found = may_call(f"+{number}", [f"+{prefix}" for prefix in prefixes])

    if found is not None:
        assert found == f"+{number}"
        assert any(prefix and number.startswith(prefix) for prefix in prefixes)


@given(rest=st.text("0123456789", min_size=6, max_size=8), costly=st.sampled_from(COSTLY))
def test_a_costly_number_is_never_called_under_its_country_alone(rest: str, costly: str) -> None:
    short = [f"+{costly[:length]}" for length in range(1, min(3, len(costly)))]

    assert may_call(f"+{costly}{rest}", short) is None

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.index.pins import PinTry
from listen_sinks.voicemail.pins import TRIES, Cost, PinRefused, judge, locked_until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("pin", ["1235", "0010", "8265", "1359", "9081726354"])
def test_digits_that_say_nothing_are_a_pin(pin: str) -> None:
    judge(pin)


@pytest.mark.parametrize("pin", ["0000", "7777777", "1234", "6789012", "4321", "2109", "98765"])
def test_what_is_guessed_first_is_refused_and_not_repeated(pin: str) -> None:
    with pytest.raises(PinRefused, match="guessed first") as told:
        judge(pin)

    assert pin not in str(told.value)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,3}|[0-9]{11,12}", fullmatch=True))
def test_what_is_no_pin_is_refused(text: str) -> None:
    if text.isascii() and text.isdigit() and 4 <= len(text) <= 10:
        return
    with pytest.raises(PinRefused, match="4 to 10 digits"):
        judge(text)


def test_each_lock_is_twice_as_long_as_the_one_before_up_to_a_day() -> None:
    ends = [locked_until(failures, NOON) for failures in range(1, 10 * TRIES + 1)]

    locks = [end - NOON for end in ends if end is not None]
    assert locks == [HOUR / 4 * 2**n for n in range(7)] + [24 * HOUR] * 3
    assert [number for number, end in enumerate(ends, 1) if end] == list(range(5, 51, 5))
    assert locked_until(0, NOON) is None
    assert locked_until(10**9, NOON) == NOON + 24 * HOUR


def test_a_stored_hash_is_shown_nowhere() -> None:
    tried = PinTry("$argon2id$v=19$x", must_change=False, changed_at=NOON, locked=False)

    assert "argon2" not in repr(tried)


def test_a_pin_costs_at_least_what_owasp_asks_for() -> None:
    cost = Cost()

    assert (cost.memory >= 19 * 1024, cost.passes >= 2) == (True, True)
    assert Cost().hasher().hash(b"x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")

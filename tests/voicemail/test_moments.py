"""When a message came and from whom, for the ear: dates and numbers as people say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.voicemail.moments import caller, digits, moment, telephone, zone
from listen_server.voicemail.voice import NOBODY, Voice

FRIDAY = datetime(2026, 11, 20, 15, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(0), "today at 3 14 pm"),
        (timedelta(minutes=9), "today at 3 oh 5 pm"),
        (timedelta(minutes=14), "today at 3 pm"),
        (timedelta(hours=3), "today at 12 14 pm"),
        (timedelta(hours=15), "today at 12 14 am"),
        (timedelta(hours=16), "yesterday at 11 14 pm"),
        (timedelta(days=3), "on Tuesday at 3 14 pm"),
        (timedelta(days=7), "on Friday, November 13, at 3 14 pm"),
        (timedelta(days=330), "on December 25, 2025, at 3 14 pm"),
    ],
)
def test_a_moment_is_said_as_people_say_it(ago: timedelta, said: str) -> None:
    assert moment(FRIDAY - ago, FRIDAY, UTC, NOBODY.text) == said


def test_a_day_begins_where_the_owner_is() -> None:
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)

    assert moment(late, FRIDAY, zone("Europe/Berlin"), NOBODY.text) == "today at 12 30 am"
    assert moment(late, FRIDAY, zone("nowhere", "UTC"), NOBODY.text) == "yesterday at 11 30 pm"


def test_dates_are_said_in_the_words_of_the_operator() -> None:
    german = Voice(
        language="de-DE",
        sentences={
            "de.this_week": "am {weekday} um {clock24}",
            "de.weekdays": "Montag, Dienstag, Mittwoch",
        },
    )

    tuesday = moment(FRIDAY - timedelta(days=3), FRIDAY, UTC, german.text)
    thursday = moment(FRIDAY - timedelta(days=1, hours=24), FRIDAY, UTC, german.text)

    assert tuesday == "am Dienstag um 15 14"
    assert thursday == "am Mittwoch um 15 14"


@given(
    at=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - made aware below
    now=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - the same
    name=st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"]),
)
def test_every_moment_can_be_said(at: datetime, now: datetime, name: str) -> None:
    said = moment(at.replace(tzinfo=UTC), now.replace(tzinfo=UTC), ZoneInfo(name), NOBODY.text)

    assert said.endswith(("am", "pm"))
    assert "{" not in said


def test_a_number_is_said_digit_by_digit_and_a_name_is_not_made_one() -> None:
    assert digits("+15550100") == "1 5 5 5 0 1 0 0"
    assert caller("+44 (0)20 7946-0000", NOBODY.text) == "from 4 4 0 2 0 7 9 4 6 0 0 0 0"
    assert (
        caller(None, NOBODY.text) == caller("Restricted", NOBODY.text) == "from an unknown number"
    )


@given(st.text())
def test_what_is_no_number_is_none(text: str) -> None:
    found = telephone(text)

    assert found is None or set(found) <= set("+0123456789")

"""When a message came, and from whom, in words for the ear; owner_sentences.py has the words.

No clock, and no time zone but those that are named.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_PHONE: Final = re.compile(r"\+?[0-9]{2,20}")
_SEPARATORS: Final = re.compile(r"[ ().\-/]")
_WEEK: Final = 7  # days
_NOON: Final = 12
_TWO_DIGITS: Final = 10

Text = Callable[..., str]
"""A sentence by its name, with values for its placeholders."""


def moment(at: datetime, now: datetime, zone: tzinfo, text: Text) -> str:
    """Say when something was: "today at 3 14 pm", "on Tuesday ...", "on November 3 ...".

    `at` and `now` are aware; both are looked at in `zone`.
    """
    at, now = at.astimezone(zone), now.astimezone(zone)
    days = (now.date() - at.date()).days
    values = {
        "clock": _clock(at, text),
        "clock24": f"{at.hour} {at.minute:02}",
        "weekday": _chosen(text("weekdays"), at.weekday()),
        "month": _chosen(text("months"), at.month - 1),
        "day": at.day,
        "year": at.year,
    }
    match days:
        case 0:
            return text("today", **values)
        case 1:
            return text("yesterday", **values)
        case _ if 1 < days < _WEEK:
            return text("this_week", **values)
        case _ if at.year == now.year:
            return text("this_year", **values)
        case _:
            return text("long_ago", **values)


def zone(*names: str | None) -> tzinfo:
    """Return the first time zone that there is, such as `Europe/Berlin`; else UTC. Reads files."""
    return next((found for found in map(known_zone, names) if found is not None), UTC)


def known_zone(name: str | None) -> tzinfo | None:
    """Return a time zone, if this machine knows it. Reads files."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def caller(number: str | None, text: Text) -> str:
    """Say who called: a number digit by digit, or that it is not known."""
    plain = telephone(number)
    return text("from_unknown") if plain is None else text("from_number", number=digits(plain))


def digits(number: str) -> str:
    """Return a number to be said digit by digit; a voice would make one large number of it."""
    return " ".join(number.removeprefix("+"))


def telephone(number: str | None) -> str | None:
    """Return a telephone number without its separators; None for what is a name, or withheld."""
    plain = _SEPARATORS.sub("", (number or "").removeprefix("tel:"))
    return plain if _PHONE.fullmatch(plain) else None


def _clock(at: datetime, text: Text) -> str:
    """Return a time as it is said: 3 pm, 3 oh 5 pm, 3 14 pm."""
    hour = str(at.hour % _NOON or _NOON)
    half = text("am" if at.hour < _NOON else "pm")
    if not at.minute:
        return f"{hour} {half}"
    minute = f"{text('oh')} {at.minute}" if at.minute < _TWO_DIGITS else str(at.minute)
    return f"{hour} {minute} {half}"


def _chosen(names: str, number: int) -> str:
    """Return one of the names between commas; the number where there are too few."""
    known = [one.strip() for one in names.split(",")]
    return known[number] if number < len(known) else str(number + 1)

"""Which numbers may be called back at the expense of whoever runs this: those that are listed.

Pure. Whoever leaves a message chooses the number that is shown, and may earn by each call to it.
calling_back.py asks.
"""

import re
from collections.abc import Sequence
from typing import Final

_INTERNATIONAL: Final = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")
_NORTH_AMERICAN: Final = re.compile(r"1[2-9][0-9]{9}")
"""What follows a + there (NANPA): with a 1 or a digit more, some carrier may dial another one."""
_TWO_DIGITS: Final = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Country codes of two digits (ITU-T E.164); but for 1 and 7, all others have three."""

_CARIBBEAN: Final = (
    *("242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758"),
    *("767", "784", "809", "829", "849", "868", "869", "876"),
)
"""Area codes of +1 that are countries of their own, at prices of their own (NANPA)."""
COSTLY: Final[tuple[str, ...]] = (
    *("1500", "1521", "1522", "1533", "1544", "1566", "1577", "1588", "1600", "1622", "1700"),
    *("1900", "1976", *(f"1{code}" for code in _CARIBBEAN)),
    *("3190", "3290", "3389", "34803", "34806", "34807", "34901", "34902", "34905", "35315"),
    *("358600", "358700", "3690", "3691", "39144", "39166", "39199", "3989"),
    *("4190", "42090", "4390", "4393", "4470", "4476", "4484", "4487", "449"),
    *("46900", "46939", "46944", "4699", "47820", "47829", "4870", "4890"),
    *("49118", "49137", "49180", "49190", "4970", "49900", "6119", "64900", "65190"),
    *("76", "77", "7803", "7809", "81570", "81990"),
    *("808", "870", "878", "881", "882", "883", "888", "979"),
)
"""Shared cost, premium rate, personal numbers and satellites, and countries within +1 and +7, by
country code and beginning (ITU-T E.164 list of assigned codes; national numbering plans). No list
of these is whole: allow few prefixes."""


def may_call(number: str | None, allowed: Sequence[str]) -> str | None:
    """Return the number in E.164 if it may be called, else None.

    It begins with one of the allowed prefixes (`+49`, `0049`, `49`); where what it begins with is
    costly, that beginning must be listed itself, or a longer one. A number without its country
    code is never called: whose it is, depends on where one is. With a 0 behind that code, as in
    `+44 (0)9`, it costs what it costs without: carriers leave it out.
    """
    found = _INTERNATIONAL.fullmatch(number or "")
    if not found or (found[1][0] == "1" and not _NORTH_AMERICAN.fullmatch(found[1])):
        return None
    plain, reached = found[1], _without_trunk_zero(found[1])
    longest = max((len(one) for one in map(_plain, allowed) if _begins(plain, one)), default=0)
    costly = max((len(one) for one in COSTLY if reached.startswith(one)), default=0)
    return f"+{plain}" if longest and longest >= costly else None


def _without_trunk_zero(plain: str) -> str:
    """Return a number without the 0 that is dialled within a country; in Italy it is part of it."""
    if plain.startswith("39"):
        return plain
    code = 1 if plain[0] in "17" else 2 if _TWO_DIGITS.match(plain) else 3
    return plain[:code] + plain[code:].removeprefix("0")


def _begins(number: str, prefix: str) -> bool:
    return bool(prefix) and number.startswith(prefix)


def _plain(prefix: str) -> str:
    digits = re.sub(r"[^0-9+]", "", prefix)
    return re.sub(r"^(\+|00)", "", digits)

"""Which bytes of a file a player asks for: RFC 9110, section 14. audio.py answers with them."""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """One range of bytes. `start` is below `stop`, but where there are none such."""

    start: int
    stop: int
    part: bool
    """A range was asked for, and be it all of the file: players of Apple insist on a 206 then."""


def asked(header: str | None, size: int) -> Asked:
    """Read the header `Range` of a GET, for a file of so many bytes.

    Several ranges, and what is no range of bytes, are answered with all of it, as if not asked.
    """
    found = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    first, last = found.groups() if found else ("", "")
    if not first and not last:
        return Asked(0, size, part=False)
    if not first:  # the last so many bytes
        return Asked(max(size - int(last), 0), size, part=True)
    if last and int(last) < int(first):
        return Asked(0, size, part=False)
    return Asked(int(first), min(int(last) + 1, size) if last else size, part=True)

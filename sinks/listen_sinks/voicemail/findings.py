"""What is wrong with a stored part, said as exactly what it is. FORMAT.md, section 8."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Fault: TypeAlias = Literal[
    "missing",  # the store does not have it, or not all pieces of it
    "away",  # the store does not give it out now, for whatever reason
    "cut",  # it ends before its end
    "changed",  # it is not what was shipped
    "refused",  # nothing of it may be used: changed in front, or under another key
    "damaged",  # chunks, or small values, that do not open; all others do
    "unsealed",  # it is as it was shipped, and has no end although the call had one
    "no key",  # its key is destroyed, or does not fit
    "other format",  # it opens, and cannot be joined to the part before it
]

_SAID: Final[Mapping[Fault, str]] = {"no key": "has no key", "other format": "has another format"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not right with one part. The sentence holds ids and numbers only."""

    part: int
    fault: Fault
    sentence: str

    def __str__(self) -> str:
        said = _SAID.get(self.fault, f"is {self.fault}")
        return f"part {self.part} {said}: {self.sentence}"

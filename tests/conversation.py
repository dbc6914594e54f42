"""Conversations as text files, see conversations/README.md: read here, replayed by the tests."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from listen_codecs.formats import AudioFormat
from listen_sinks.api import DtmfPressed

CONVERSATIONS = sorted((Path(__file__).parent / "conversations").glob("*.txt"))


@dataclass(frozen=True)
class Step:
    """One thing that jambonz does."""

    kind: str  # text, audio, close, vanish
    text: str = ""
    pieces: tuple[bytes, ...] = ()
    code: int = 0


@dataclass
class Conversation:
    """One file."""

    route: AudioFormat = field(default_factory=lambda: AudioFormat(8000, "mono"))
    steps: list[Step] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @property
    def audio(self) -> bytes:
        """All bytes of audio, in order."""
        return b"".join(b"".join(step.pieces) for step in self.steps)


class _Ramp:
    def __init__(self) -> None:
        self._position = 0

    def take(self, size: int) -> bytes:
        """Go on with the ramp, byte by byte, so that every sample of every call differs."""
        first = self._position // 2
        samples = np.arange(first, first + size // 2 + 2, dtype=np.int64).astype("<i2").tobytes()
        start = self._position % 2
        self._position += size
        return samples[start : start + size]


def read_conversation(file: Path) -> Conversation:
    """Read one file."""
    conversation, ramp = Conversation(), _Ramp()
    for line in file.read_text().splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "=":
            conversation.expected.append(rest)
        elif mark == ">":
            conversation.steps.extend(_steps(rest, ramp))
        elif mark == "route":
            rate, mix = rest.split()
            conversation.route = AudioFormat(int(rate), mix)  # type: ignore[arg-type] # it checks
        elif line and mark != "#":
            raise ValueError(f"{file.name}: cannot read {line!r}")
    return conversation


def _steps(line: str, ramp: _Ramp) -> Iterator[Step]:
    kind, _, rest = line.partition(" ")
    match kind:
        case "text":
            yield Step("text", text=rest)
        case "json":
            yield Step("text", text=json.loads(rest))
        case "audio":
            yield Step("audio", pieces=(ramp.take(int(rest)),))
        case "repeat":
            count, _, size = rest.split()
            yield from (Step("audio", pieces=(ramp.take(int(size)),)) for _ in range(int(count)))
        case "cut":
            _, size, _, *cuts = rest.split()
            data, borders = ramp.take(int(size)), [0, *map(int, cuts), int(size)]
            pieces = tuple(data[a:b] for a, b in pairwise(borders))
            yield Step("audio", pieces=pieces)
        case "close":
            yield Step("close", code=int(rest))
        case "vanish":
            yield Step("vanish")
        case _:
            raise ValueError(f"cannot read {line!r}")


def describe(event: object) -> str:
    """Spell an event as the files do: its name, and what is not anybody's private data."""
    shown = {f.name: getattr(event, f.name) for f in fields(event) if f.repr}  # type: ignore[arg-type] # a dataclass
    inner = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    return f"event {type(event).__name__}({inner})"


def digits(events: list[object]) -> str:
    """Return the keys that were pressed."""
    return "".join(event.digit for event in events if isinstance(event, DtmfPressed))


def fields_of(expected: list[str], attributes: object) -> list[str]:
    """Return the expected `field` lines that the attributes do not bear out."""
    wrong = []
    for line in expected:
        if found := re.match(r"field (\S+) (.*)", line):
            actual = attributes.get(found[1]) if isinstance(attributes, dict) else None
            if actual != json.loads(found[2]):
                wrong.append(line)
    return wrong

"""What a range of time takes along when it is erased: samples, keys that were pressed, words.

Pure: redacting.py reads, seals and stores. Ranges are in seconds of a part's audio.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_sinks.description import encode as encode_document
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.collected import decode, encode

SPARE: Final = 2.0  # seconds around the range in which pressed keys go, too: they are told late


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds, 0 <= start < stop. Raises ValueError."""

    start: float
    stop: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.stop)):
            raise ValueError("a range of time is from one second to another")
        if not 0 <= self.start < self.stop:
            raise ValueError("a range of time begins at 0 or later, and ends after it begins")

    def moved(self, seconds: float) -> "Span":
        """Return it as seen from so many seconds later; what is before that is cut off."""
        return Span(max(self.start - seconds, 0.0), self.stop - seconds)

    def frames(self, sample_rate: int) -> tuple[int, int]:
        """Return the first frame and the one behind the last: whatever it touches."""
        return math.floor(self.start * sample_rate), math.ceil(self.stop * sample_rate)

    def touches(self, start: float, stop: float, spare: float = 0.0) -> bool:
        """Say whether something from `start` to `stop` is in it, or nearer than `spare`."""
        return start < self.stop + spare and stop > self.start - spare


def silenced(block: AudioBlock, at: int, frames: tuple[int, int]) -> AudioBlock:
    """Return a block that begins at frame `at` with zeros in place of what is erased.

    Shape (channels, frames), int16, as it came: all that is behind stays at its time.
    """
    first, stop = (min(max(frame - at, 0), block.shape[1]) for frame in frames)
    if first >= stop:
        return block
    left = np.array(block)
    left[:, first:stop] = 0
    return left


def without_keys(meta: bytes, span: Span) -> bytes:
    """Return a sealed document's plain form without the keys that were pressed in the range.

    It says that the range was erased. Raises ValueError for what is no document.
    """
    document: dict[str, Any] = json.loads(meta)
    document["events"] = list(_events(document.get("events") or (), span))
    erased = {"at": round(span.start, 3), "seconds": round(span.stop - span.start, 3)}
    document["erased"] = [*document.get("erased", ()), erased]
    return encode_document(document)


def without_words(transcript: bytes, span: Span) -> bytes:
    """Return a transcript without what was said in the range. Raises ValueError."""
    kept = decode(transcript)
    kept.results = [left for result in kept.results for left in _result(result, span)]
    kept.miss(span.start, span.stop)
    return encode(kept)


def _events(events: Any, span: Span) -> Iterator[dict[str, Any]]:
    for event in events:
        if event.get("event") == "dtmf":
            at = float(event.get("at", span.start))
            if span.touches(at - float(event.get("duration") or 0.0), at + 1e-9, SPARE):
                continue
        yield event


def _result(result: Result, span: Span) -> Iterator[Result]:
    """Give back what is left of a result; nothing where it cannot be told which words went."""
    if not span.touches(result.start, result.end):
        yield result
        return
    words = tuple(word for word in result.words if not span.touches(word.start, word.end))
    if words and len(result.words) == len(result.text.split()):
        yield replace(result, text=" ".join(word.text for word in words), words=words)

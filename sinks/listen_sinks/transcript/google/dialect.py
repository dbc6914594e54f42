"""What v1.py and v2.py have in common: the two versions of Google's interface say the same.

https://cloud.google.com/speech-to-text/docs/reference/rpc
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from listen_sinks.transcript.google.config import GoogleConfig


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stream is about."""

    sample_rate: int  # Hz
    channels: int
    language: str  # BCP 47
    project: str | None = None


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word, in seconds of its stream."""

    text: str = field(repr=False)
    start: float
    end: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A result as Google gives it."""

    text: str = field(repr=False)
    channel: int
    end: float  # seconds of its stream
    is_final: bool
    confidence: float | None
    words: tuple[HeardWord, ...]
    language: str | None


class Dialect(Protocol):
    """One version of the interface. Messages are bytes here, as gRPC carries them."""

    method: str
    largest: int
    """Bytes of audio that a request may have."""

    def opening(self, config: GoogleConfig, asked: Asked) -> bytes:
        """Return the first request of a stream."""

    def request(self, audio: bytes) -> bytes:
        """Return a request with audio: s16le, channels interleaved."""

    def heard(self, answer: bytes) -> list[Heard]:
        """Return the results of an answer. Raises Fault for an error inside it."""


def model(config: GoogleConfig, asked: Asked, long_audio: str) -> str:
    """Return Google's model: the configured one, or what fits the sample rate."""
    return config.model or ("telephony" if asked.sample_rate <= 8000 else long_audio)  # noqa: PLR2004 - Hz, the telephone's


def heard(result: Any, end: Any, words: Iterable[HeardWord]) -> Heard:
    """Make one of a result with its alternatives, the best first."""
    best = result.alternatives[0] if result.alternatives else None
    return Heard(
        text=best.transcript if best else "",
        channel=max(0, result.channel_tag - 1),
        end=seconds(end),
        is_final=result.is_final,
        confidence=(best.confidence or None) if best and result.is_final else None,
        words=tuple(words) if result.is_final else (),
        language=result.language_code or None,
    )


def told(results: Iterable[Heard]) -> list[Heard]:
    """Return the results of one answer, of each channel at most one that is interim.

    Google gives what it is nearly sure of and what it guesses behind that as two results.
    """
    found: list[Heard] = []
    interim: dict[int, int] = {}  # channel -> place
    for one in results:
        place = interim.get(one.channel)
        if one.is_final or place is None:
            if not one.is_final:
                interim[one.channel] = len(found)
            found.append(one)
        else:
            found[place] = replace(one, text=found[place].text + one.text)
    return [replace(one, text=one.text.strip()) for one in found]


def seconds(duration: Any) -> float:
    """Return a protobuf duration in seconds."""
    return float(duration.seconds) + float(duration.nanos) / 1e9

"""What Google does not let a stream do, with the words it has for it. session.py enforces it.

https://cloud.google.com/speech-to-text/docs/quotas; the sentences are those that users of both
versions report. How far "near real time" reaches is not documented: the figure here is ours.
"""

from dataclasses import dataclass, field
from typing import Final

BYTES: Final = {"v1": 25_600, "v2": 15_360}
"""Bytes of audio in a request: the documented 25 KB, and what v2's definition says of `audio`."""
RATES: Final = range(8000, 48001)  # Hz
MOST_CHANNELS: Final = 8
LANGUAGES: Final = frozenset(
    (
        *("af", "am", "ar", "az", "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "en", "es"),
        *("et", "eu", "fa", "fi", "fil", "fr", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id"),
        *("is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "lo", "lt", "lv", "mk", "ml"),
        *("mn", "mr", "ms", "my", "ne", "no", "nl", "pa", "pl", "pt", "ro", "ru", "si", "sk"),
        *("sl", "sq", "sr", "su", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi"),
        *("yue", "zh", "zu"),
    )
)
"""First subtags of the languages that are known."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The status of a stream that is not OK, in gRPC's terms."""

    code: str
    details: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a stream may last, and how fast it may be, in seconds of the stand-in's clock."""

    stream: float = 300.0
    no_audio: float = 10.0
    ahead: float = 15.0
    """Audio may be this much ahead of the time since the stream began."""
    pace: float = 4.0
    """Times real time, beyond that."""
    bytes: dict[str, int] = field(default_factory=lambda: dict(BYTES))


def too_old(api: str) -> Ended:
    """Say that a stream had its five minutes."""
    if api == "v1":
        return Ended("OUT_OF_RANGE", "Exceeded maximum allowed stream duration of 305 seconds.")
    return Ended("ABORTED", "Max duration of 5 minutes reached for stream.")


def no_audio(api: str) -> Ended:
    """Say that nothing came for ten seconds."""
    if api == "v1":
        return Ended(
            "OUT_OF_RANGE",
            "Audio Timeout Error: Long duration elapsed without audio. "
            "Audio should be sent close to real time.",
        )
    return Ended("ABORTED", "Stream timed out after receiving no more client requests.")


def too_fast() -> Ended:
    """Say that audio comes faster than anybody speaks."""
    return Ended(
        "OUT_OF_RANGE",
        "Audio data is being streamed too fast. Please stream audio data approximately at real "
        "time.",
    )


def invalid(details: str) -> Ended:
    """Say what is wrong with a request."""
    return Ended("INVALID_ARGUMENT", details)

"""What was understood of one stream so far, and what it looks like when it is kept.

board.py shows it to others while the call is on; voicemail/ seals it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from listen_sinks.transcript.api import Result, Word

VERSION: Final = 1
MOST_TEXT: Final = 2**19
"""Characters that are kept of one stream: a day of speech. What comes then is not covered."""
MOST_WORDS: Final = 20_000
"""Words whose times are kept; of what comes then there is the text."""


@dataclass(slots=True)
class Transcript:
    """Final results in the order in which they came, in seconds of audio received."""

    engine: str
    language: str
    results: list[Result] = field(default_factory=list, repr=False)
    uncovered: list[tuple[float, float]] = field(default_factory=list)
    """From when to when nothing was understood because no engine got it, or none answered."""
    whole: bool = False
    """The engine has had all of the stream, and has said its last word about it."""
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _characters: int = field(default=0, repr=False)

    def add(self, result: Result) -> bool:
        """Keep a final result; return whether there was room."""
        self._characters += len(result.text)
        if self._characters > MOST_TEXT:
            self.miss(result.start, result.end)
            return False
        self.results.append(result)
        return True

    def miss(self, start: float, end: float) -> None:
        """Write down what is not covered."""
        if end > start:
            self.uncovered.append((start, end))
            self.uncovered = _joined(self.uncovered)

    @property
    def complete(self) -> bool:
        """Whether an engine understood what it could of every second."""
        return self.whole and not self.uncovered

    @property
    def in_order(self) -> list[Result]:
        """The results of all channels by when they begin."""
        return sorted(self.results, key=lambda one: (one.start, one.channel))

    def text(self, channel: int | None = None) -> str:
        """Return the words of one channel, or of all by time."""
        return " ".join(r.text for r in self.in_order if channel in (None, r.channel))


def encode(transcript: Transcript) -> bytes:
    """Return it as JSON."""
    room = MOST_WORDS
    results = []
    for one in transcript.results:
        room -= len(one.words)
        results.append(_encoded(one, words=room >= 0))
    document = {
        "version": VERSION,
        "engine": transcript.engine,
        "language": transcript.language,
        "made_at": transcript.made_at.astimezone(UTC).isoformat(),
        "whole": transcript.whole,
        "uncovered": [[round(a, 3), round(b, 3)] for a, b in transcript.uncovered],
        "results": results,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes) -> Transcript:
    """Read it back. Raises ValueError if it is no transcript, or of another version."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise ValueError("this transcript is of another version")
        made = Transcript(
            engine=str(document["engine"]),
            language=str(document["language"]),
            uncovered=[(float(a), float(b)) for a, b in document["uncovered"]],
            whole=bool(document["whole"]),
            made_at=datetime.fromisoformat(document["made_at"]),
        )
        for one in document["results"]:
            made.add(_decoded(one))
    except (LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError("this is no transcript") from None
    return made


def _encoded(result: Result, *, words: bool) -> dict[str, Any]:
    return {
        "channel": result.channel,
        "start": round(result.start, 3),
        "end": round(result.end, 3),
        "text": result.text,
        "confidence": result.confidence,
        "language": result.language,
        "words": [
            [word.text, round(word.start, 3), round(word.end, 3), word.confidence]
            for word in (result.words if words else ())
        ],
    }


def _decoded(one: dict[str, Any]) -> Result:
    return Result(
        text=str(one["text"]),
        channel=int(one["channel"]),
        start=float(one["start"]),
        end=float(one["end"]),
        is_final=True,
        confidence=one["confidence"],
        words=tuple(Word(str(t), float(s), float(e), c) for t, s, e, c in one["words"]),
        language=one["language"],
    )


def _joined(ranges: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

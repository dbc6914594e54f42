"""What the transcript sink understands of a stream, on its way into the stream's message.

    board -> sealed with the message's key while it is open -> ... -> late: a part of its own

The sinks do not know each other: both know ../transcript/board.py.
"""

import hashlib
import time
from dataclasses import replace
from typing import Final

from listen_sinks.transcript.board import Posting
from listen_sinks.transcript.collected import encode
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.transcripts import SOME, WHOLE
from listen_sinks.voicemail.keys import PublicKey, seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import new_message_key
from listen_sinks.voicemail.sealed import Label, seal
from listen_sinks.voicemail.spool import Stored

KEEP_EVERY: Final = 5.0
"""Seconds between two times that words are kept while the call is on: what a crash can cost."""
WORDS_PART: Final = 1
"""Number of the part that has the words which came late, and nothing else."""


class Spoken:
    """The words of one stream, and how many of them are sealed already."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting
        self._kept = 0  # final results
        self._kept_at = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether there are words that should survive this process."""
        if self._posting.revision == self._kept:
            return False
        return time.monotonic() - self._kept_at >= KEEP_EVERY

    @property
    def new(self) -> bool:
        """Whether there are words that are not sealed."""
        return self._posting.revision != self._kept

    def taken(self) -> bytes:
        """Return the words so far, to be sealed."""
        self._kept, self._kept_at = self._posting.revision, time.monotonic()
        return encode(self._posting.transcript)

    async def ended(self, seconds: float) -> bool:
        """Wait so long for the last word; return whether it is said."""
        return await self._posting.wait(seconds)

    async def wait(self) -> None:
        """Wait for the last word, however long its engine may take."""
        await self._posting.wait()

    @property
    def label(self) -> Label:
        """What the words so far are: all that there will be, or some."""
        return WHOLE if self._posting.transcript.complete else SOME

    @property
    def engine(self) -> str | None:
        """Who understood it, if that is all of it."""
        transcript = self._posting.transcript
        return transcript.engine if transcript.complete else None


def with_words(stored: Stored, label: Label, sealed: bytes, engine: str | None) -> Stored:
    """Return a message with its words in the place of earlier ones."""
    values = {name: v for name, v in stored.values.items() if name not in (WHOLE, SOME)}
    note = replace(stored.note, values={})
    end = replace(stored.end, values={**values, label: sealed})
    return replace(stored, note=note, end=end, transcribed_by=engine)


def late_words(stored: Stored, to: PublicKey, spoken: Spoken) -> ShippedPart:
    """Seal the words of a message that is closed, under a key of their own."""
    note, end = stored.note, stored.end
    key = new_message_key()
    label, context = spoken.label, value_context(note.message, WORDS_PART)
    assert end.state != "discarded"  # noqa: S101 - nobody asks for the words of those
    return ShippedPart(
        message=note.message,
        part=WORDS_PART,
        mailbox=to.mailbox,
        key_version=to.version,
        envelope=seal_message_key(key, to, note.message, WORDS_PART),
        format=note.format,
        started_at=note.started_at,
        ended_at=end.ended_at,
        outcome=end.state,
        reason=end.reason,
        frames=0,
        size=0,
        digest=hashlib.sha256().digest(),
        ranges=(),
        values={label: seal(key, label, context, spoken.taken())},
        transcribed_by=spoken.engine,
    )

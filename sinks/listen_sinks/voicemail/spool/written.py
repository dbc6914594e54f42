"""What of an open message can be read back: a moment of it, taken in the writer's thread.

open_message.py takes it, ../open_audio.py lends it to the transcript sink. Reading blocks, and may
be slow: it has a thread of its own (spool.py), so that nothing waits for it that writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from listen_sinks.voicemail.lsv1 import CHUNK, BodyReader
from listen_sinks.voicemail.spool.names import Segment
from listen_sinks.voicemail.spool.note import Note
from listen_sinks.voicemail.spool.pieces import read_range


class Samples(NamedTuple):
    """Interleaved s16le, and the frame of the message that they begin at."""

    start: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """The object so far, and the audio behind its last whole chunk, which is in memory."""

    note: Note
    segments: tuple[Segment, ...]
    size: int  # bytes of the object that are in files
    chunk: int  # number of the chunk that is begun
    begun: bytes = field(repr=False)  # what is in it
    message_key: bytes = field(repr=False)

    def read(self, start: int, stop: int) -> list[Samples]:
        """Return the frames from `start` to `stop` that are there and open, in order. Blocks.

        Raises OSError, and Refused where nothing opens.
        """
        width = self.note.format.frame_bytes
        body = BodyReader(
            self._read, self.size, self.message_key, message=self.note.message, part=self.note.part
        )
        found = [
            Samples(at // width, pcm) for at, pcm in _opened(body, start * width, stop * width)
        ]
        begun_at = self.chunk * CHUNK
        if body.length == begun_at and stop * width > begun_at:
            first = max(start * width - begun_at, 0)
            if pcm := self.begun[first : stop * width - begun_at]:
                found.append(Samples((begun_at + first) // width, pcm))
        return found

    def _read(self, offset: int, length: int) -> bytes:
        return read_range(self.segments, offset, min(offset + length, self.size))


def _opened(body: BodyReader, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Give bytes of audio without the chunks that do not open, each with its place."""
    found = body.salvage(start, stop)
    at = start
    for chunk in found.damaged:
        if chunk * CHUNK > at:
            yield at, found.plain[at - start : chunk * CHUNK - start]
        at = max(at, (chunk + 1) * CHUNK)
    if rest := found.plain[at - start :]:
        yield at, rest

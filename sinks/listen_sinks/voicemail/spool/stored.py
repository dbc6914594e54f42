"""A message in the spool whose call is over: its object, in order, until it is safe elsewhere.

No key is needed for any of it. Every method blocks: ship.py calls them in threads.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from listen_sinks.voicemail.lsv1 import (
    CHUNK,
    LONGEST_PREFIX,
    SEALED_CHUNK,
    Ranges,
    Refused,
    read_header,
    split_tails,
)
from listen_sinks.voicemail.sealed import NONCE, TAG
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import Files
from listen_sinks.voicemail.spool.note import End, Note, Values
from listen_sinks.voicemail.spool.pieces import Piece, pieces_of, read_piece, read_pieces
from listen_sinks.voicemail.spool.tail_slots import places_in

_BLOCK: Final = 2**20
_NUMBER: Final = 8  # bytes in front of a tail record: which chunk it begins
_OVERHEAD: Final = NONCE + TAG  # bytes of a tail record that are no audio


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that waits to be shipped. What is in `end` may be more than its file says."""

    disk: Disk
    files: Files
    note: Note
    end: End
    transcribed_by: str | None = None  # the engine whose transcript is among the values

    @property
    def values(self) -> Values:
        """The newest of every small sealed value."""
        return {**self.note.values, **self.end.values}

    def object_(self) -> "ObjectInSpool":
        """Find the pieces of the object."""
        return ObjectInSpool(pieces_of(self.files.segments))

    def tails(self) -> bytes:
        """Return the tail records of an object that is cut, joined; none of one that is sealed."""
        return b"".join(tail_records(self.files.tails))

    def size(self) -> int:
        """Return the bytes of its files; of those that are gone meanwhile, none."""
        found = 0
        for path in self.files.all():
            with suppress(FileNotFoundError):
                found += path.stat().st_size
        return found

    def drop(self) -> None:
        """Remove it from the spool. Raises OSError."""
        drop_files(self.disk, self.files)


class ObjectInSpool:
    """The bytes of an object, wherever they lie."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._ranges = Ranges([(piece.length, partial(read_piece, piece)) for piece in pieces])
        self.size = self._ranges.size

    def blocks(self, size: int = _BLOCK) -> Iterator[bytes]:
        """Read it from its beginning to its end, in blocks of at most that size."""
        return read_pieces(self.pieces, size)

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes of it; fewer at its end."""
        return self._ranges.read(offset, length)

    def sha256(self) -> bytes:
        """Return its digest."""
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.digest()

    def audio_bytes(self, tails: Sequence[bytes]) -> int | None:
        """Return how much audio there is of an object that is cut, as far as can be told keyless.

        None if not even the header is there.
        """
        try:
            _, start = read_header(self._beginning(LONGEST_PREFIX))
        except Refused:
            return None
        whole = (self.size - start) // SEALED_CHUNK
        fitting = [len(r) - _OVERHEAD for r in tails if int.from_bytes(r[:_NUMBER], "big") == whole]
        return whole * CHUNK + max(fitting, default=0)

    def _beginning(self, length: int) -> bytes:
        found = b""
        for block in self.blocks(length):
            found += block
            if len(found) >= length:
                break
        return found[:length]


def drop_files(disk: Disk, files: Files) -> None:
    """Remove a message, so that whoever finds half of it knows that it may go. Raises OSError."""
    gone = files.word("gone")
    if "note" in files.words:
        disk.rename(files.word("note"), gone)
    for path in files.all():
        if path != gone:
            disk.remove(path)
    disk.remove(gone)


def frames_on_disk(files: Files, note: Note) -> int:
    """Return how many samples per channel a message has that is cut."""
    audio = ObjectInSpool(pieces_of(files.segments)).audio_bytes(tail_records(files.tails))
    return (audio or 0) // note.format.frame_bytes


def tail_records(paths: Sequence[Path]) -> list[bytes]:
    """Return what may be a tail record in files of them."""
    return [
        record
        for path in paths
        for place in places_in(path.read_bytes())
        for record in split_tails(place)[:1]
    ]

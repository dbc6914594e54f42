"""Where the bytes of an object are that lies in several files. segments.py writes them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from listen_sinks.voicemail.spool.names import Segment


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of an object, in a file."""

    path: Path
    start: int  # in the file
    length: int


def pieces_of(segments: Sequence[Segment]) -> list[Piece]:
    """Say where the bytes of an object are, in order: in the newest file that has them.

    Where files overlap they say the same, and the newest is the one that did not fail.
    """
    spans = [(s, s.offset, s.offset + _size(s.path)) for s in segments]
    pieces: list[Piece] = []
    at = 0
    while here := [span for span in spans if span[1] <= at < span[2]]:
        segment, offset, stop = max(here, key=lambda span: span[0].number)
        newer = [o for s, o, end in spans if s.number > segment.number and at < o < end]
        stop = min([stop, *newer])
        pieces.append(Piece(segment.path, at - offset, stop - at))
        at = stop
    return pieces


def read_pieces(pieces: Sequence[Piece], size: int) -> Iterator[bytes]:
    """Read an object from its beginning to its end, in blocks of at most that size."""
    for piece in pieces:
        with piece.path.open("rb") as file:
            file.seek(piece.start)
            left = piece.length
            while left:
                block = file.read(min(size, left))
                if not block:
                    raise OSError(f"{piece.path} has become shorter")
                left -= len(block)
                yield block


def read_piece(piece: Piece, offset: int, length: int) -> bytes:
    """Read bytes of a piece; fewer at its end."""
    with piece.path.open("rb") as file:
        file.seek(piece.start + offset)
        return file.read(min(length, piece.length - offset))


def read_range(segments: Sequence[Segment], start: int, stop: int) -> bytes:
    """Read a range of an object, with zeros for what cannot be read any more."""
    found = bytearray(stop - start)
    for segment in segments:  # the newest last
        skipped = max(start - segment.offset, 0)
        room = stop - segment.offset - skipped
        if room <= 0:
            continue
        data = _read(segment.path, skipped, room)
        at = segment.offset + skipped - start
        found[at : at + len(data)] = data
    return bytes(found)


def _read(path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError:
        return b""


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - of many files, when 300 calls end at once
    except FileNotFoundError:
        return 0

"""An object that lies in several pieces, read as one. FORMAT.md, section 2."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

Read: TypeAlias = Callable[[int, int], bytes]
"""Read (offset, length): that many bytes, or fewer where there are no more."""


class Ranges:
    """The ordered ranges of an object, each with its size in bytes and a way to read it."""

    def __init__(self, pieces: Sequence[tuple[int, Read]]) -> None:
        self._pieces = tuple(pieces)
        self.size = sum(size for size, _ in self._pieces)

    def read(self, offset: int, length: int) -> bytes:
        """Read across the borders; touches only the pieces that have a byte of it.

        Where a piece gives less than it should there are zeros: they do not open, and what is
        behind them stays in its place. A piece that is lost reads as nothing.
        """
        found = bytearray()
        at = 0
        for size, read in self._pieces:
            start, stop = max(offset, at), min(offset + length, at + size)
            if start < stop:
                found += read(start - at, stop - start).ljust(stop - start, b"\0")
            at += size
        return bytes(found)

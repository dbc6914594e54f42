"""The object of one part as the store has it now, against what the index says of it.

part_audio.py opens what is found here. Reads block: they are made in threads, and the event loop
that made this does the asking.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Final

from listen_sinks.objects import AT_ONCE, ObjectsAway, ObjectStore
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.index.records import ObjectRange, Part
from listen_sinks.voicemail.lsv1 import Ranges, Read

_BLOCK: Final = 2**20


class FoundObject:
    """What there is of an object: `size` bytes, from its beginning on. Made by `find`."""

    def __init__(self, part: Part, ranges: Ranges, findings: tuple[Finding, ...]) -> None:
        self.part = part
        self.findings = findings
        self.size = ranges.size
        self._read: Read = ranges.read

    @classmethod
    async def find(cls, objects: ObjectStore, part: Part) -> "FoundObject":
        """Look which pieces the store has, and how long they are. Raises ObjectsAway."""
        names = {one.name for one in part.ranges}
        sizes = {name: await objects.size(name) for name in sorted(names)}
        loop = asyncio.get_running_loop()
        pieces = [
            (held, _reader(objects, one, held, loop))
            for one in part.ranges
            for held in [_held(one, sizes[one.name])]
        ]
        wanted = [one.length for one in part.ranges]
        while pieces and not pieces[-1][0]:  # nothing behind it: there the object ends
            pieces.pop()
        # A piece that is short in the middle keeps its length, so that the next stays in its place.
        placed = [
            (held if last else length, read)
            for (held, read), length, last in zip(pieces, wanted, _is_last(pieces), strict=False)
        ]
        return cls(part, Ranges(placed), tuple(_compared(part, sizes)))

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes of it. Raises ObjectsAway. Blocks."""
        return self._read(offset, length)

    def keep_small(self) -> None:
        """Read it now, once, if it is small: for who reads all of it twice. Blocks."""
        if self.size and self.size <= AT_ONCE:
            data = self._read(0, self.size)
            self._read = lambda offset, length: data[offset : offset + length]

    def is_as_shipped(self) -> bool:
        """Read all of it, and compare its digest with the index. Blocks."""
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
        return self.size == self.part.size and digest.digest() == self.part.digest

    def _blocks(self) -> Iterator[bytes]:
        for offset in range(0, self.size, _BLOCK):
            yield self._read(offset, min(_BLOCK, self.size - offset))


def _is_last(pieces: list[tuple[int, Read]]) -> list[bool]:
    return [number == len(pieces) - 1 for number in range(len(pieces))]


def _held(one: ObjectRange, size: int | None) -> int:
    return min(max((size or 0) - one.offset, 0), one.length)


def _reader(
    objects: ObjectStore, one: ObjectRange, held: int, loop: asyncio.AbstractEventLoop
) -> Read:
    def read(offset: int, length: int) -> bytes:
        length = min(length, held - offset)
        if length <= 0:
            return b""
        asked = objects.read(one.name, one.offset + offset, length)
        try:
            return asyncio.run_coroutine_threadsafe(asked, loop).result()
        except ObjectsAway as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return b""  # erased while it was read
            raise

    return read


def _compared(part: Part, sizes: dict[str, int | None]) -> Iterator[Finding]:
    gone = sum(sizes[one.name] is None for one in part.ranges)
    held = sum(_held(one, sizes[one.name]) for one in part.ranges)
    ends = {one.name: one.offset + one.length for one in part.ranges}
    if gone:
        pieces = (
            f"{gone} of its {len(part.ranges)} pieces" if len(part.ranges) > 1 else "its object"
        )
        yield Finding(part.part, "missing", f"{pieces} is not in the store")
    elif held < part.size:
        yield Finding(part.part, "cut", f"{held} of {part.size} bytes are in the store")
    elif any((size or 0) > ends[name] for name, size in sizes.items()):
        yield Finding(part.part, "changed", "its object is longer than it was shipped")

"""The tail records of one message on disk: a few places, so that the newest that lasts stays.

A page of a file that is being overwritten when the power fails may be neither old nor new. The
record that the last sync was for, the one that a sync is for right now and the newest are never
written over.
"""

from pathlib import Path
from typing import Final

from listen_sinks.voicemail.lsv1 import LONGEST_TAIL
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import named
from listen_sinks.voicemail.spool.space import Space

PLACES: Final = 4  # three to keep and one to write
_PAGE: Final = 4096
PLACE: Final = -(-LONGEST_TAIL // _PAGE) * _PAGE
"""Bytes: places share no page."""


class TailSlots:
    """The newest records of one object. Used in the writer's thread alone."""

    def __init__(self, disk: Disk, space: Space, stem: Path) -> None:
        self._disk = disk
        self._space = space
        self._stem = stem
        self._descriptor = -1
        self._newest: int | None = None
        self._marked: int | None = None
        self._synced: int | None = None
        self.files: list[Path] = []

    @property
    def unsynced(self) -> bool:
        """Whether the newest is not known to last."""
        return self._newest != self._synced

    @property
    def descriptors(self) -> list[int]:
        """The file that is written to, if any."""
        return [self._descriptor] if self._descriptor >= 0 else []

    def put(self, record: bytes) -> None:
        """Write a record over one that nobody needs. Raises OSError, as a new file may."""
        try:
            self._put(record)
        except OSError as error:
            self._space.refused(error)
            self.close()
            self._put(record)

    def mark(self) -> None:
        """Take note of what the sync that begins now is for."""
        self._marked = self._newest

    def confirm(self) -> None:
        """Take note that it lasts."""
        if self._marked is not None:
            self._synced, self._marked = self._marked, None

    def start_over(self) -> None:
        """Leave the file as it is, with the records in it, and go on in another."""
        self.close()
        path = named(self._stem, f"{len(self.files)}.tail")
        self._newest = self._marked = self._synced = None
        self._descriptor = self._disk.create(path)
        self.files.append(path)

    def close(self) -> None:
        """Close the file, whatever it says."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._disk.close(descriptor)

    def _put(self, record: bytes) -> None:
        if self._descriptor < 0:
            self.start_over()
        try:
            self._write(record)
        except OSError:
            self.close()
            raise

    def _write(self, record: bytes) -> None:
        kept = {self._newest, self._marked, self._synced}
        place = next(place for place in range(PLACES) if place not in kept)
        self._disk.write_at(self._descriptor, record, place * PLACE)
        self._newest = place


def places_in(data: bytes) -> list[bytes]:
    """Cut a file of tail records into its places."""
    return [data[at : at + PLACE] for at in range(0, len(data), PLACE)]

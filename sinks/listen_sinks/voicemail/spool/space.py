"""The room on the spool's volume: when no call should come any more, and when none can go on.

A reserve is set aside on the disk, and freed when the disk is full, so that the last words of every
call that is on can be written.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from listen_sinks.voicemail.spool.disk import FULL, Disk

log = structlog.get_logger(__name__)

RESERVE: Final = "reserve"


class Space:
    """Room for one process. `look` and `refused` block: the writer's thread calls them."""

    def __init__(self, disk: Disk, folder: Path, *, reserve: int, low_water: int) -> None:
        self._disk = disk
        self._folder = folder
        self._path = folder / RESERVE
        self._reserve = reserve  # bytes
        self._low_water = low_water  # bytes
        self._set_aside = False
        self.free = 0
        self.low = False
        """New calls are refused."""
        self.full = False
        """Calls that are on come to their end."""

    def look(self) -> None:
        """Measure; set the reserve aside where there is room for it."""
        with suppress(OSError):  # a disk that does not say is not full
            self.free = self._disk.free(self._folder)
        if not self._set_aside and self.free >= self._low_water + self._reserve:
            self._set_reserve_aside()
        low = self.full or self.free < self._low_water
        if low != self.low:
            self.low = low
            say = "spool is low: new calls are refused" if low else "spool has room again"
            log.warning(say, free_bytes=self.free, low_water=self._low_water)

    def refused(self, error: OSError) -> None:
        """Take note of what the disk did not take; where it is full, make room for last words."""
        if error.errno in FULL and not self.full:
            self.full = self.low = True
            log.error("spool is full: calls that are on are cut here", free_bytes=self.free)
            self.give_up_reserve()

    def give_up_reserve(self) -> None:
        """Give the reserve back to the volume."""
        self._set_aside = False
        self._disk.remove(self._path)

    def _set_reserve_aside(self) -> None:
        try:
            descriptor = self._disk.create(self._path)
            try:
                self._disk.allocate(descriptor, self._reserve)
            finally:
                self._disk.close(descriptor)
        except OSError:
            self.give_up_reserve()
        else:
            self._set_aside = True
            self.full = False

"""The room on the volume of recordings: with little of it no call should come, and live ones go on.

What waits for a store that is away lies there, too. plugin.py asks, the server refuses.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

LOOK: Final = 1.0  # seconds between two looks


class Room:
    """How much can still be written below a directory."""

    def __init__(self, directory: Path, low_water: int) -> None:
        self._directory = directory
        self._low_water = low_water  # bytes
        self.low = False
        """New calls are refused."""

    def look(self) -> None:
        """Measure. Blocks."""
        with suppress(OSError):  # a disk that does not say is not full
            free = shutil.disk_usage(self._directory).free
            low = free < self._low_water
            if low != self.low:
                self.low = low
                say = "recordings are low on space: new calls are refused"
                log.warning(
                    say if low else "recordings have room again",
                    free_bytes=free,
                    low_water=self._low_water,
                )

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK)

"""Time as the engine and the stand-in see it; tests make it run faster."""

import asyncio
import time


class Clock:
    """Seconds that pass `speed` times as fast as those on the wall."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = time.monotonic()

    def now(self) -> float:
        """Return seconds since this clock was made."""
        return (time.monotonic() - self._began) * self.speed

    def real(self, seconds: float) -> float:
        """Return how long that is on the wall."""
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for so many of this clock's seconds."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)

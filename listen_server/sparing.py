"""How many lines of a kind the log gets: strangers by the thousand must not fill the disk with it.

telemetry.py asks before it writes of somebody who was refused; the count is always exact.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

BURST: Final = 100  # lines of one kind at once
PER_SECOND: Final = 10.0


class Sparing:
    """A token bucket for each kind of line, and how many found it empty. Kinds are few."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, when
        self._left_out: dict[str, int] = {}

    def left_out(self, kind: str) -> int | None:
        """Return how many lines were left out before this one; None if this one is to be."""
        now = self._clock()
        tokens, then = self._buckets.get(kind, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - then) * PER_SECOND)
        if tokens < 1:
            self._buckets[kind] = tokens, now
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        self._buckets[kind] = tokens - 1, now
        return self._left_out.pop(kind, 0)

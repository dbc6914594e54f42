"""How often somebody may be wrong. A bounded memory of failures, by whom and from where."""

import math
from collections import OrderedDict
from typing import Final

MAX_REMEMBERED: Final = 10_000


class FailureThrottle:
    """A token bucket for each pair of user and address; only failures take a token.

    A right answer is never asked for one, so nobody suffers from a neighbour's failures.
    """

    def __init__(self, *, burst: float = 10, per_second: float = 0.1) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def failed(self, user: str, address: str, now: float) -> int:
        """Count a failure; return 0, or the seconds to wait if there were too many."""
        key = (user[:64], address)
        level, then = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - then) * self._per_second)
        allowed = level >= 1
        self._buckets[key] = (level - 1 if allowed else level, now)
        if len(self._buckets) > MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - level) / self._per_second)

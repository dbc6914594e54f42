"""How often somebody may be wrong. A bounded memory of failures, by whom and from where."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
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
        level = self._level(key, now)
        self._buckets.pop(key, None)
        self._buckets[key] = (level - 1 if level >= 1 else level, now)
        if len(self._buckets) > MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        return self._wait(level)

    def wait(self, user: str, address: str, now: float) -> int:
        """Return what a failure would, and count none."""
        return self._wait(self._level((user[:64], address), now))

    def _level(self, key: tuple[str, str], now: float) -> float:
        level, then = self._buckets.get(key, (self._burst, now))
        return min(self._burst, level + (now - then) * self._per_second)

    def _wait(self, level: float) -> int:
        return 0 if level >= 1 else math.ceil((1 - level) / self._per_second)


class GuessThrottle:
    """The same for passwords that people choose: those may be found if each guess is looked at.

    After too many failures none is, but for a user who was right from there before: who guesses
    behind the address of somebody does not lock that one out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = FailureThrottle()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._clock = clock

    def wait(self, user: str, address: str) -> int:
        """Return 0, or the seconds for which no password is looked at."""
        place = _place(address)
        known = (user, place) in self._right
        return 0 if known else self._failures.wait(user, place, self._clock())

    def failed(self, user: str, address: str) -> int:
        """Count a failure; return 0, or the seconds to wait if there were too many."""
        return self._failures.failed(user, _place(address), self._clock())

    def was_right(self, user: str, address: str) -> None:
        """Remember somebody."""
        key = (user, _place(address))
        self._right[key] = None
        self._right.move_to_end(key)
        if len(self._right) > MAX_REMEMBERED:
            self._right.popitem(last=False)


def _place(address: str) -> str:
    """Return an address; of IPv6, the network that one subscriber has (RFC 6177)."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:  # noqa: PLR2004 - a version
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(known) >> 64 << 64, 64)))

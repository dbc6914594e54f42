"""Refused connections as events: summed up, so that a scanner is no storm of webhooks."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from listen_sinks.webhook.events import Event, stream_rejected

EVERY: Final = 10.0
"""Seconds between two sums."""


class Rejections:
    """What was refused since the last sum, by reason."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._since: datetime | None = None
        self._lock = Lock()  # sums are made in a thread

    def note(self, reason: str) -> None:
        """Count one."""
        with self._lock:
            self._since = self._since or datetime.now(UTC)
            self._count[reason] += 1

    def sum_up(self, tell: Callable[[Event], None]) -> None:
        """Tell of what was refused, once for each reason; nothing if nothing was."""
        with self._lock:
            count, self._count = self._count, Counter()
            since, self._since = self._since, None
        for reason, number in count.items():
            now = datetime.now(UTC)
            tell(stream_rejected(reason=reason, count=number, since=since or now, until=now))

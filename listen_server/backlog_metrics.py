"""Gauges of what waits: in sinks (backlog.py asks), in outboxes, in files before those.

Of several workers, what each has by itself is added up; of what they share, the most is shown.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Gauge

if TYPE_CHECKING:
    from listen_sinks.api import Waiting
    from listen_sinks.voicemail.index.deliveries import OutboxBacklog

EventsState: TypeAlias = Literal["waiting", "dead", "on disk"]


class BacklogMetrics:
    """They stand still while whoever is asked does not answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outboxes: dict[object, OutboxBacklog] = {}
        labels = ["sink", "what"]
        self._items = Gauge(
            "listen_waiting_items",
            "What waits in a sink.",
            labels,
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._bytes = Gauge(
            "listen_waiting_bytes",
            "Its size.",
            labels,
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._seconds = Gauge(
            "listen_waiting_seconds",
            "How long the oldest of it has waited.",
            labels,
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._events = Gauge(
            "listen_events_waiting",
            "Deliveries of events that are not done.",
            ["state"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._oldest_event = Gauge(
            "listen_event_waits_seconds",
            "Age of the oldest event that waits.",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def waits(self, sink: str, what: str, waiting: "Waiting") -> None:
        """Follow what waits in a sink."""
        self._items.labels(sink, what).set(waiting.count)
        self._bytes.labels(sink, what).set(waiting.size)
        self._seconds.labels(sink, what).set(_age(waiting.oldest))

    def outbox_has(self, outbox: object, backlog: "OutboxBacklog") -> None:
        """Follow one of the outboxes."""
        self._outboxes[outbox] = backlog
        there = self._outboxes.values()
        self._set_events("waiting", sum(one.waiting for one in there))
        self._set_events("dead", sum(one.dead for one in there))
        self._oldest_event.set(max(_age(one.oldest) for one in there))

    def events_on_disk(self, count: int) -> None:
        """Follow the events that no outbox has yet."""
        self._set_events("on disk", count)

    def _set_events(self, state: EventsState, count: int) -> None:
        self._events.labels(state).set(count)


def _age(since: datetime | None) -> float:
    return max(0.0, (datetime.now(UTC) - since).total_seconds()) if since else 0.0

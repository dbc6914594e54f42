"""What the server counts, for Prometheus. No label holds anything that a caller chose."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from listen_server.backlog_metrics import BacklogMetrics
from listen_server.logs import failure
from listen_server.sparing import Sparing
from listen_server.traces import NoTraces, Traces
from listen_sinks.api import Call, Outcome, SinkError
from listen_sinks.webhook.events import TYPES

if TYPE_CHECKING:
    from listen_sinks.voicemail.index.deliveries import OutboxBacklog
    from listen_sinks.voicemail.pins import PinCheck

log = structlog.get_logger(__name__)

KNOWN_SUBPROTOCOLS: Final = ("audio.jambonz.org", "audio.drachtio.org", "ws.jambonz.org", "none")
_METHODS: Final = ("sink", "start", "audio", "event", "finish")
_LAGS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds


class Telemetry:
    """Every metric of the server, and the log lines that go with them."""

    def __init__(self, multiprocess_dir: Path | None = None, traces: Traces | None = None) -> None:
        self.traces = traces or NoTraces()
        self._multiprocess_dir = multiprocess_dir
        self.registry = CollectorRegistry()
        self._new_frames = self._new_bytes = 0
        self._new_seconds = 0.0
        self._queues: dict[str, Gauge] = {}
        self._sparing = Sparing()
        self.on_refusal: Callable[[str], None] | None = None
        """Who else wants to know why a connection was refused."""
        self.on_decline: Callable[[str, str, str | None], None] | None = None
        """Who wants to know which sink could not take which stream, and of which tenant."""
        self._tenants: dict[str, str] = {}  # of streams that a sink has still to do with
        self._define_streams()
        self._define_sinks()
        self._define_events()
        self._define_pins()
        self._define_process()

    def _define_streams(self) -> None:
        counter, registry = Counter, self.registry
        self.active = Gauge(
            "listen_active_streams",
            "Streams that are on.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.streams = counter(
            "listen_streams",
            "Streams that ended, by outcome.",
            ["route", "outcome"],
            registry=registry,
        )
        self.refused = counter(
            "listen_refusals", "Connections refused before accept.", ["reason"], registry=registry
        )
        self.wrong_subprotocol = counter(
            "listen_wrong_subprotocol", "Refused subprotocols.", ["offered"], registry=registry
        )
        self.frames = counter("listen_frames", "Websocket frames with audio.", registry=registry)
        self.bytes = counter("listen_bytes", "Bytes of audio received.", registry=registry)
        self.audio_seconds = counter("listen_audio_seconds", "Audio received.", registry=registry)
        self.gap_seconds = counter(
            "listen_gap_seconds", "Audio that never came.", registry=registry
        )
        self.metadata = counter(
            "listen_metadata",
            "First text frames, by how they could be read.",
            ["quality"],
            registry=registry,
        )
        self.ignored = counter(
            "listen_ignored_texts", "Text without meaning.", ["cause"], registry=registry
        )
        self.peer_errors = counter(
            "listen_peer_errors", "Connections ended for a fault.", ["fault"], registry=registry
        )
        self.flags = counter("listen_flags", "Oddities of streams.", ["flag"], registry=registry)

    def _define_sinks(self) -> None:
        registry = self.registry
        self.queue_seconds = Gauge(
            "listen_sink_queue_seconds",
            "Audio that waits for a sink.",
            ["sink"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.dropped = Counter(
            "listen_sink_dropped_seconds", "Audio lost by slow sinks.", ["sink"], registry=registry
        )
        self.failures = Counter(
            "listen_sink_failures",
            "Sinks that left a stream.",
            ["sink", "method"],
            registry=registry,
        )

    def _define_events(self) -> None:
        self.events = Counter(
            "listen_events",
            "Events for webhooks, by what came of a try.",
            ["type", "outcome"],
            registry=self.registry,
        )
        for event_type in TYPES:
            self.events.labels(event_type, "dead")
        self.backlog = BacklogMetrics(self.registry)

    def _define_pins(self) -> None:
        self.pins = Counter(
            "listen_pin_tries",
            "PINs that were said by phone, by what came of it.",
            ["verdict"],
            registry=self.registry,
        )
        self.pin_locks = Counter(
            "listen_pin_locks",
            "Mailboxes that were locked: too many PINs were wrong.",
            registry=self.registry,
        )

    def _define_process(self) -> None:
        registry = self.registry
        self.loop_lag = Histogram(
            "listen_loop_lag_seconds",
            "How late the event loop was.",
            buckets=_LAGS,
            registry=registry,
        )
        self.draining = Gauge(
            "listen_draining",
            "Whether new calls are refused.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.certificate_expiry = Gauge(
            "listen_certificate_expiry_seconds",
            "When the TLS certificate ends, in Unix time.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.files_free = Gauge(
            "listen_files_free_ratio",
            "Free part of the file descriptors.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.disk_free = Gauge(
            "listen_disk_free_ratio",
            "Free part of the data disk.",
            registry=registry,
            multiprocess_mode="livemin",
        )

    def expect(self, sinks: Iterable[str]) -> None:
        """Show what alerts watch of these sinks as 0: a counter that comes with 1 has not grown."""
        for sink in sinks:
            self.dropped.labels(sink)
            for method in _METHODS:
                self.failures.labels(sink, method)

    def count(self, frames: int, size: int) -> None:
        """Count frames that came, and their bytes; it shows when somebody looks."""
        self._new_frames += frames
        self._new_bytes += size

    def heard(self, seconds: float) -> None:
        """Count audio that came, likewise."""
        self._new_seconds += seconds

    def settle(self) -> None:
        """Bring what was counted into the metrics: doing it for every frame costs too much."""
        self.frames.inc(self._new_frames)
        self.bytes.inc(self._new_bytes)
        self.audio_seconds.inc(self._new_seconds)
        self._new_frames = self._new_bytes = 0
        self._new_seconds = 0.0

    def exposition(self) -> bytes:
        """Return everything in Prometheus text format, over all workers."""
        self.settle()
        if self._multiprocess_dir is None:
            return generate_latest(self.registry)
        joined = CollectorRegistry()
        MultiProcessCollector(joined, path=str(self._multiprocess_dir))  # type: ignore[no-untyped-call]
        return generate_latest(joined)

    # refusals and ends

    def refuse(self, reason: str, *, offered: str | None = None, **details: object) -> None:
        """Count a connection that was refused before it was accepted; of a flood, log some."""
        self.refused.labels(reason).inc()
        if self.on_refusal is not None:
            self.on_refusal(reason)
        if offered is not None:
            known = offered if offered in KNOWN_SUBPROTOCOLS else "other"
            self.wrong_subprotocol.labels(known).inc()
            details["offered"] = offered[:64]
        if (left_out := self._sparing.left_out(reason)) is None:
            return
        if left_out:
            details["left_out"] = left_out
        log.warning("refused", reason=reason, **details)

    def peer_fault(self, stream_id: str, fault: str) -> None:
        """Count a connection that ended because its peer did what jambonz does not do."""
        self.peer_errors.labels(fault).inc()
        log.warning("peer fault", stream=stream_id, fault=fault)

    def stream_started(self, call: Call) -> None:
        """Count a stream's one beginning."""
        self._tenants[call.stream_id] = call.tenant
        self.metadata.labels(call.metadata_quality).inc()
        about: dict[str, str | int | float] = {
            "route": call.route,
            "tenant": call.tenant,
            "rate": call.format.sample_rate,
            "mix": call.format.mix,
            "metadata": call.metadata_quality,
        }
        self.traces.start(call.stream_id, about)
        log.info("stream started", stream=call.stream_id, **about)

    def stream_ended(self, route: str, stream_id: str, outcome: Outcome) -> None:
        """Count a stream's one final outcome."""
        self.streams.labels(route, outcome.state).inc()
        for flag in outcome.flags:
            self.flags.labels(flag).inc()
        self.gap_seconds.inc(sum(gap.seconds for gap in outcome.gaps))
        about: dict[str, str | int | float] = {
            "outcome": outcome.state,
            "reason": outcome.reason,
            "seconds": round(outcome.seconds, 3),
            "gaps": len(outcome.gaps),
            "flags": ", ".join(outcome.flags),
        }
        self.traces.end(stream_id, about, failed=outcome.state != "complete")
        log.info("stream ended", stream=stream_id, route=route, **about)

    def stream_left(self, stream_id: str) -> None:
        """Forget a stream that every sink is done with."""
        self._tenants.pop(stream_id, None)

    # listen_sinks.webhook.way.Watcher

    def event_tried(self, event_type: str, outcome: str) -> None:
        """Count a try to deliver an event: delivered, failed or dead."""
        self.events.labels(event_type, outcome).inc()

    def outbox_has(self, outbox: object, backlog: "OutboxBacklog") -> None:
        """Follow what waits in an outbox."""
        self.backlog.outbox_has(outbox, backlog)

    # listen_server.voicemail.desk

    def pin_tried(self, check: "PinCheck") -> None:
        """Count a PIN that was said, and a lock."""
        self.pins.labels(check.verdict).inc()
        if check.locks:
            self.pin_locks.inc()

    # listen_sinks.buffered.Watcher

    def queued(self, sink: str, seconds: float) -> None:
        """Follow the length of a sink's queue."""
        gauge = self._queues.get(sink)
        if gauge is None:  # asking the metric for its label each time costs more than the counting
            gauge = self._queues[sink] = self.queue_seconds.labels(sink)
        gauge.inc(seconds)

    def lost(self, sink: str, seconds: float) -> None:
        """Count audio that a slow sink lost."""
        self.dropped.labels(sink).inc(seconds)

    def failed(self, sink: str, stream_id: str, method: str, error: BaseException) -> None:
        """Count a sink that left its stream, and say why."""
        self.failures.labels(sink, method).inc()
        if self.on_decline is not None and method in ("sink", "start"):
            self.on_decline(sink, stream_id, self._tenants.get(stream_id))
        about = {"sink": sink, "stream": stream_id, "method": method}
        if isinstance(error, SinkError):
            log.error("sink failed", says=str(error), **about)
        else:
            log.error("sink failed", error=failure(error), **about)

"""One OpenTelemetry span for each stream, sent to a collector, where the settings name one.

Needs the extra `telemetry`. A span holds what a log line holds: nothing that a caller chose.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol

from listen_server import __version__
from listen_server.errors import ConfigError

Attributes = Mapping[str, str | int | float]
_MODULES: Final = (  # of the extra: imported only where they are wanted
    "opentelemetry.sdk.trace",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.sdk.resources",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


class Traces(Protocol):
    """Where spans go. Never raises, never waits."""

    def start(self, stream_id: str, attributes: Attributes) -> None:
        """Begin the span of a stream."""

    def end(self, stream_id: str, attributes: Attributes, *, failed: bool) -> None:
        """End it."""

    def close(self) -> None:
        """Send what is left. Blocks."""


class NoTraces:
    """Where nobody collects."""

    def start(self, stream_id: str, attributes: Attributes) -> None:
        """Do nothing."""

    def end(self, stream_id: str, attributes: Attributes, *, failed: bool) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class OpenTelemetryTraces:
    """Sends spans in batches, from a thread of the OpenTelemetry SDK."""

    def __init__(self, endpoint: str) -> None:
        """Send to an OTLP/HTTP collector, such as http://localhost:4318. Raises ConfigError."""
        try:
            sdk, export, resources, otlp = map(import_module, _MODULES)
        except ImportError:
            raise ConfigError(
                "`otlp_endpoint` needs an extra: pip install 'listen-server[telemetry]'"
            ) from None
        service = {"service.name": "listen-server", "service.version": __version__}
        self._provider = sdk.TracerProvider(resource=resources.Resource.create(service))
        exporter = otlp.OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(export.BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("listen_server", __version__)
        self._trace = import_module("opentelemetry.trace")
        self._spans: dict[str, Any] = {}

    def start(self, stream_id: str, attributes: Attributes) -> None:
        """Begin the span of a stream."""
        self._spans[stream_id] = self._tracer.start_span(
            "listen stream", attributes={"listen.stream": stream_id, **attributes}
        )

    def end(self, stream_id: str, attributes: Attributes, *, failed: bool) -> None:
        """End it, as an error if the stream did not end well."""
        span = self._spans.pop(stream_id)
        span.set_attributes(attributes)
        codes = self._trace.StatusCode
        span.set_status(codes.ERROR if failed else codes.OK)
        span.end()

    def close(self) -> None:
        """Send what is left. Blocks for as long as the collector takes, within bounds."""
        self._provider.shutdown()


def make_traces(endpoint: str | None) -> Traces:
    """Return where spans go. Raises ConfigError if the extra is missing."""
    return OpenTelemetryTraces(endpoint) if endpoint else NoTraces()

"""What happens to the server itself becomes a count and a line in the log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from listen_server.run import Reports
from listen_server.server.reports import (
    CertificateExpired,
    CertificateLoaded,
    CertificateRejected,
    HandshakeTimedOut,
    Report,
    RequestRefused,
)
from listen_server.telemetry import Telemetry

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def reported(one: Report) -> tuple[dict[str, Any], Telemetry]:
    telemetry = Telemetry()
    with capture_logs() as logs:
        Reports(telemetry)(one)
    (line,) = logs
    return dict(line), telemetry


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (
            HandshakeTimedOut("192.0.2.1"),
            {"reason": "handshake timeout", "address": "192.0.2.1"},
        ),
        (RequestRefused("not HTTP", "192.0.2.1"), {"reason": "not HTTP", "address": "192.0.2.1"}),
        (
            RequestRefused("TLS handshake", None, "http request"),
            {"reason": "TLS handshake", "says": "http request"},
        ),
    ],
)
def test_what_came_no_further_than_the_door_is_counted_by_its_reason(
    one: Report, line: dict[str, str]
) -> None:
    logged, telemetry = reported(one)

    labels = {"reason": line["reason"]}
    assert logged == {"event": "refused", "log_level": "warning", **line}
    assert telemetry.registry.get_sample_value("listen_refusals_total", labels) == 1


def test_a_certificate_tells_when_it_ends() -> None:
    logged, telemetry = reported(CertificateLoaded(THEN))

    expiry = telemetry.registry.get_sample_value("listen_certificate_expiry_seconds")
    assert expiry == THEN.timestamp()
    assert logged["log_level"] == "info"


@pytest.mark.parametrize("one", [CertificateExpired(THEN), CertificateRejected("no PEM")])
def test_a_certificate_that_loses_calls_is_an_error(one: Report) -> None:
    logged, _ = reported(one)

    assert logged["log_level"] == "error"
    assert "certificate" in logged["event"]

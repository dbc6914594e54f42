"""What is counted: readable by Prometheus, and with no label that a caller could choose."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from listen_server.telemetry import KNOWN_SUBPROTOCOLS, Telemetry
from listen_sinks.api import Gap, SinkError
from listen_sinks.testing import make_call, make_outcome
from listen_sinks.voicemail.pins import PinCheck

CANARY = "canary-77"


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def samples(telemetry: Telemetry) -> dict[tuple[str, frozenset[str]], float]:
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(telemetry.exposition().decode())
        for sample in family.samples
    }


def value(telemetry: Telemetry, name: str, *labels: str) -> float:
    return samples(telemetry).get((name, frozenset(labels)), 0.0)


def test_prometheus_can_read_everything_from_the_start(telemetry: Telemetry) -> None:
    families = list(text_string_to_metric_families(telemetry.exposition().decode()))

    assert all(family.name.startswith("listen_") for family in families)
    assert all(family.documentation.endswith(".") for family in families)
    assert {family.name for family in families} >= {
        "listen_active_streams",
        "listen_streams",
        "listen_refusals",
        "listen_bytes",
        "listen_gap_seconds",
        "listen_sink_queue_seconds",
        "listen_sink_dropped_seconds",
        "listen_loop_lag_seconds",
    }


def test_the_first_loss_is_a_growth_that_an_alert_can_see(telemetry: Telemetry) -> None:
    telemetry.expect(["crm"])
    before = samples(telemetry)
    telemetry.event_tried("message.received", "dead")
    telemetry.failed("crm", "01K", "start", SinkError("no"))
    telemetry.lost("crm", 1.5)

    watched = [
        ("listen_events_total", frozenset({"message.received", "dead"})),
        ("listen_sink_failures_total", frozenset({"crm", "start"})),
        ("listen_sink_dropped_seconds_total", frozenset({"crm"})),
    ]
    assert [before[one] for one in watched] == [0, 0, 0]
    assert [samples(telemetry)[one] for one in watched] == [1, 1, 1.5]


@pytest.mark.parametrize("offered", KNOWN_SUBPROTOCOLS)
def test_a_subprotocol_that_is_known_is_counted_by_its_name(
    telemetry: Telemetry, offered: str
) -> None:
    telemetry.refuse("subprotocol", offered=offered)

    assert value(telemetry, "listen_wrong_subprotocol_total", offered) == 1
    assert value(telemetry, "listen_refusals_total", "subprotocol") == 1


def test_a_subprotocol_that_somebody_made_up_is_counted_as_other(telemetry: Telemetry) -> None:
    for number in range(100):
        telemetry.refuse("subprotocol", offered=f"{CANARY}-{number}")

    assert value(telemetry, "listen_wrong_subprotocol_total", "other") == 100
    assert CANARY.encode() not in telemetry.exposition()


def test_a_stream_is_counted_once_with_its_outcome_and_gaps(telemetry: Telemetry) -> None:
    call = make_call()
    outcome = make_outcome(
        call,
        8000,
        state="interrupted",
        gaps=(Gap(1.0, 2.5, "not received"), Gap(4.0, 0.5, "not received")),
        flags=("rate mismatch",),
    )

    telemetry.stream_started(call)
    telemetry.stream_ended(call.route, call.stream_id, outcome)

    assert value(telemetry, "listen_streams_total", "/listen", "interrupted") == 1
    assert value(telemetry, "listen_metadata_total", "exact") == 1
    assert value(telemetry, "listen_gap_seconds_total") == 3
    assert value(telemetry, "listen_flags_total", "rate mismatch") == 1


def test_nothing_that_a_caller_said_is_counted_or_logged(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    call = make_call(call_sid=CANARY, attributes={"from": CANARY, CANARY: 1})

    telemetry.stream_started(call)
    telemetry.stream_ended(call.route, call.stream_id, make_outcome(call, 0))
    telemetry.failed("memory", call.stream_id, "audio", ValueError(CANARY))

    assert CANARY.encode() not in telemetry.exposition()
    written = capsys.readouterr()
    assert CANARY not in written.out + written.err
    assert call.stream_id in written.out + written.err


def test_a_queue_is_followed_up_and_down(telemetry: Telemetry) -> None:
    telemetry.queued("memory", 2.5)
    telemetry.queued("other", 1.0)
    telemetry.queued("memory", -1.5)
    telemetry.lost("memory", 0.25)
    telemetry.failed("memory", "01J", "finish", TimeoutError())

    assert value(telemetry, "listen_sink_queue_seconds", "memory") == 1
    assert value(telemetry, "listen_sink_queue_seconds", "other") == 1
    assert value(telemetry, "listen_sink_dropped_seconds_total", "memory") == 0.25
    assert value(telemetry, "listen_sink_failures_total", "memory", "finish") == 1


def test_pins_are_counted_by_what_came_of_them_and_locks_by_themselves() -> None:
    telemetry = Telemetry()
    for check in (PinCheck("wrong"), PinCheck("wrong", locks=True), PinCheck("locked")):
        telemetry.pin_tried(check)

    sample = telemetry.registry.get_sample_value
    assert sample("listen_pin_tries_total", {"verdict": "wrong"}) == 2
    assert sample("listen_pin_locks_total") == 1


def labelled() -> list[tuple[str, int, str]]:
    """Find every `.labels(...)` in the server: file, line, and what is put in."""
    found = []
    for file in sorted(Path("listen_server").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="labels"), args=given):
                    found += [(file.name, node.lineno, ast.unparse(label)) for label in given]
    return found


def test_every_label_is_one_that_somebody_has_looked_at() -> None:
    """A label must be a word of ours, of the settings, or mapped to a known one before."""
    looked_at = {
        "reason",  # Refused.reason: literals, see admission.py
        "known",  # of KNOWN_SUBPROTOCOLS, or "other"
        "route",  # the pattern in the settings
        "outcome.state",
        "flag",  # of the protocol, the gaps and the credential: literals
        "sink",  # its name in the settings
        "method",
        "event_type",  # a Literal of events.py of the webhooks
        "outcome",  # of a delivery: a Literal
        "'dead'",
        "what",  # a Literal of api.py, see backlog.py
        "state",  # a Literal of backlog_metrics.py
        "cause",  # a Literal of events.py
        "fault",  # the name of one of our error classes, see endpoint.py
        "call.metadata_quality",
        "check.verdict",  # a Literal of pins.py
    }

    assert {label for _, _, label in labelled()} <= looked_at


PROGRAM = """
import sys
from pathlib import Path
from listen_server.telemetry import Telemetry
telemetry = Telemetry(Path(sys.argv[1]))
telemetry.frames.inc(3)
telemetry.active.inc()
telemetry.refuse("full")
if sys.argv[2] == "tell":
    sys.stdout.write(telemetry.exposition().decode())
"""


def test_workers_tell_the_sum_of_what_all_have_counted(tmp_path: Path) -> None:
    def worker(what: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), what],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    worker("count")
    told = worker("tell")

    lines = [line for line in told.splitlines() if line.startswith("listen_")]
    assert "listen_frames_total 6.0" in lines
    assert 'listen_refusals_total{reason="full"} 2.0' in lines
    assert json.dumps(lines)

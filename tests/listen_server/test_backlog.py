"""What waits on disk is seen from outside, whatever a sink says of it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from listen_server.backlog import Backlog
from listen_server.telemetry import Telemetry
from listen_sinks.api import NoConfig, SinkContext, SinkPlugin, Waiting, WhatWaits
from listen_sinks.voicemail.index.deliveries import OutboxBacklog


class Piling(SinkPlugin):
    """A sink in which things wait, or that does not know."""

    mood: Waiting | Exception = Waiting(0, 0, None)

    async def waiting(self) -> Mapping[WhatWaits, Waiting]:
        await asyncio.sleep(0)
        if isinstance(self.mood, Exception):
            raise self.mood
        return {"spool": self.mood}


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


async def test_what_waits_in_a_sink_is_counted_with_its_size_and_age(tmp_path: Path) -> None:
    telemetry = Telemetry()
    piling = Piling(NoConfig(), SinkContext("piling", tmp_path))
    plain = SinkPlugin(NoConfig(), SinkContext("plain", tmp_path))
    backlog = Backlog({"piling": piling, "plain": plain}, telemetry.backlog)
    where = {"sink": "piling", "what": "spool"}

    piling.mood = Waiting(3, 4096, datetime.now(UTC) - timedelta(hours=1))
    await backlog.look()

    assert value(telemetry, "listen_waiting_items", **where) == 3
    assert value(telemetry, "listen_waiting_bytes", **where) == 4096
    assert 3600 <= (value(telemetry, "listen_waiting_seconds", **where) or 0) < 3700
    piling.mood = Waiting(0, 0, None)
    await backlog.look()
    assert value(telemetry, "listen_waiting_seconds", **where) == 0
    assert value(telemetry, "listen_waiting_items", sink="plain", what="spool") is None


@pytest.mark.parametrize(
    "mood",
    [RuntimeError("of a stranger"), Waiting(1, 1, datetime(2026, 1, 1))],  # noqa: DTZ001 - in which zone?
)
async def test_a_sink_that_cannot_say_is_told_of_once_and_stops_no_other(
    tmp_path: Path, mood: Waiting | Exception
) -> None:
    telemetry = Telemetry()
    broken, sound = (Piling(NoConfig(), SinkContext(name, tmp_path)) for name in ("a", "b"))
    broken.mood = mood
    sound.mood = Waiting(1, 1, datetime.now(UTC))
    backlog = Backlog({"a": broken, "b": sound}, telemetry.backlog)

    with capture_logs() as logs:
        await backlog.look()
        await backlog.look()

    assert value(telemetry, "listen_waiting_items", sink="b", what="spool") == 1
    assert [line["sink"] for line in logs] == ["a"]


def test_events_of_several_outboxes_are_added_up_and_the_oldest_is_the_oldest_of_all() -> None:
    telemetry = Telemetry()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    one, other = object(), object()

    telemetry.outbox_has(one, OutboxBacklog(2, 1, long_ago))
    telemetry.outbox_has(other, OutboxBacklog(3, 0, datetime.now(UTC)))
    telemetry.outbox_has(other, OutboxBacklog(5, 0, None))
    telemetry.backlog.events_on_disk(7)

    states = ("waiting", "dead", "on disk")
    assert [value(telemetry, "listen_events_waiting", state=one) for one in states] == [7, 1, 7]
    assert (value(telemetry, "listen_event_waits_seconds") or 0) >= 3600

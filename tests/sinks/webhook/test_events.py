import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from listen_sinks.webhook import events
from listen_sinks.webhook.events import (
    TYPES,
    Event,
    mailbox_counts,
    message_erased,
    message_received,
    message_transcribed,
    moment,
    recording_failed,
    recording_saved,
    stream_rejected,
)

NOON = datetime(2026, 5, 4, 12, 0, 0, 123_456, tzinfo=UTC)
STREAM = "01KB000000000000000000000A"


def every_event() -> list[Event]:
    amount = {"seconds": 1.0, "files": 1, "size": 16044}
    return [
        message_received(
            tenant="acme",
            mailbox="01KB00000000000000000000MB",
            message=STREAM,
            part=0,
            outcome="complete",
            reason="closed by jambonz",
            started_at=NOON,
            ended_at=NOON,
            seconds=1.0,
            size=16_500,
        ),
        message_transcribed(tenant="acme", mailbox="MB", message=STREAM, part=1, engine="google"),
        message_erased(
            tenant="acme", mailbox=None, message=STREAM, erasure="E", kind="caller", whole=True
        ),
        mailbox_counts(
            tenant="acme", mailbox="01KB00000000000000000000MB", new=2, heard=1, saved=0
        ),
        recording_saved(
            tenant="acme", sink="recording", stream=STREAM, state="complete", day="x", **amount
        ),
        recording_failed(tenant=None, sink="recording", stream=STREAM, day=None),
        stream_rejected(reason="full", count=3, since=NOON, until=NOON),
    ]


def test_there_is_a_function_for_every_type() -> None:
    assert [event.type for event in every_event()] == list(TYPES)


def test_the_page_for_receivers_names_every_type_and_what_it_carries() -> None:
    row = re.compile(r"^\| `([a-z]+\.[a-z]+)` \| [^|]+ \| (.+) \|$", re.MULTILINE)
    rows = dict(row.findall(Path(events.__file__).with_name("README.md").read_text()))

    assert tuple(kind for kind in rows if kind in TYPES) == TYPES
    for event in every_event():
        assert set(event.data) <= set(re.findall(r"`(\w+)`", rows[event.type])), event.type


def test_a_body_says_type_moment_and_what_happened() -> None:
    for event in every_event():
        told = json.loads(event.body())

        assert list(told) == ["type", "timestamp", "data"]
        assert told["type"] == event.type
        assert told["data"].get("tenant") == event.tenant
        assert {**told["data"], **event.data} == told["data"]


def test_the_last_word_about_a_recording_is_one_event_however_often_it_is_told() -> None:
    saved = {
        recording_saved(tenant="a", sink=sink, stream=STREAM, state="complete", day="x").id
        for sink in ("recording", "recording", "archive")
    }

    assert saved == {f"{STREAM}.recording", f"{STREAM}.archive"}


def test_moments_are_told_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert moment(there) == moment(NOON) == "2026-05-04T12:00:00.123Z"

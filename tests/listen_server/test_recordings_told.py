from typing import Any

from listen_server.recordings_told import last_word

SIDECAR: dict[str, Any] = {
    "version": 1,
    "stream_id": "01KB000000000000000000000A",
    "state": "complete",
    "reason": "closed by jambonz",
    "started_at": "2026-05-04T23:59:59+00:00",
    "tenant": "acme",
    "seconds": 12.5,
    "files": [{"name": "a.wav", "bytes": 100_044}, {"name": "b.wav", "bytes": 100_044}],
    "call": {"from": "+15551230001", "to": "+15551230002"},
    "metadata": {"from": "+15551230001", "topic": "a secret"},
}


def test_a_saved_recording_is_told_without_a_word_of_the_caller() -> None:
    event = last_word("recording", SIDECAR)

    assert event.type == "recording.saved"
    assert event.tenant == "acme"
    assert event.data == {
        "stream": "01KB000000000000000000000A",
        "sink": "recording",
        "state": "complete",
        "day": "2026-05-04",
        "seconds": 12.5,
        "files": 2,
        "size": 200_088,
    }


def test_a_recording_that_failed_is_told_as_that() -> None:
    failed = {**SIDECAR, "state": "failed", "reason": "the disk of /var/lib is full"}

    event = last_word("recording", failed)

    assert event.type == "recording.failed"
    assert "/var/lib" not in event.body()


def test_a_sidecar_that_was_lost_is_enough() -> None:
    lost = {key: SIDECAR[key] for key in ("version", "stream_id", "started_at")}

    event = last_word("recording", {**lost, "state": "interrupted", "files": []})

    assert (event.type, event.tenant, event.data["seconds"]) == ("recording.saved", None, 0.0)

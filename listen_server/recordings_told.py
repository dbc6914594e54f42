"""The last word about a recording, as an event: from its sidecar, without a word of a caller."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from listen_sinks.webhook.events import Event, recording_failed, recording_saved


@runtime_checkable
class TellsOfRecordings(Protocol):
    """A plugin that gives the sidecar of every recording that is at its place."""

    when_saved: list[Callable[[Mapping[str, Any]], Awaitable[None]]]


def last_word(sink: str, sidecar: Mapping[str, Any]) -> Event:
    """Return the event that a sidecar amounts to. One that was lost and found has little in it."""
    files = sidecar["files"]
    amount = {
        "seconds": round(sidecar.get("seconds") or 0.0, 3),
        "files": len(files),
        "size": sum(file["bytes"] for file in files),
    }
    tenant, stream = sidecar.get("tenant"), sidecar["stream_id"]
    day = f"{datetime.fromisoformat(sidecar['started_at']).astimezone(UTC):%Y-%m-%d}"
    state = sidecar["state"]
    if state == "failed":
        return recording_failed(tenant=tenant, sink=sink, stream=stream, day=day, **amount)
    return recording_saved(tenant=tenant, sink=sink, stream=stream, state=state, day=day, **amount)

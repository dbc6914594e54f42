"""The JSON file beside a recording: what the call was, what was kept of it, how it ended.

README.md describes every key. A sidecar exists from the start of a stream, so that a killed
server loses nothing of it but events; placing.py brings it to its day with the audio.
"""

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MarkReached,
    MetadataArrived,
    Outcome,
    PlaybackDone,
    StreamEvent,
    SummaryReceived,
)
from listen_sinks.recording.folders import create_file

Document: TypeAlias = dict[str, Any]

VERSION: Final = 1
ROOM: Final = 2048
"""Bytes kept free at the end of a sidecar, for the last word about a call on a full disk."""

MAX_EVENTS: Final = 10_000
_TOO_MANY: Final = f"there were more than {MAX_EVENTS} events"

_LABELS: Final = {
    "call_sid": "callSid",
    "parent_call_sid": "parentCallSid",
    "account_sid": "accountSid",
    "application_sid": "applicationSid",
    "direction": "direction",
    "from": "from",
    "to": "to",
}


def begun(call: Call, layout: str) -> Document:
    """Describe a stream at its start."""
    return {
        "version": VERSION,
        "stream_id": call.stream_id,
        "state": "recording",
        "reason": None,
        "started_at": _text(call.started_at),
        "ended_at": None,
        "tenant": call.tenant,
        "route": call.route,
        "path_params": call.path_params,
        "sample_rate": call.format.sample_rate,
        "mix": call.format.mix,
        "format": "wav",
        "layout": layout,
        "frames": 0,
        "seconds": 0.0,
        "files": [],
        "received": None,
        "call": {
            "call_sid": call.call_sid,
            "parent_call_sid": call.parent_call_sid,
            "account_sid": call.account_sid,
            "application_sid": call.application_sid,
            "direction": call.direction,
            "from": call.from_number,
            "to": call.to_number,
        },
        "metadata_quality": call.metadata_quality,
        "metadata": call.attributes,
        "gaps": [],
        "events": [],
        "flags": [],
        "notes": [],
    }


def unknown(stream_id: str, started_at: datetime) -> Document:
    """Describe a stream whose sidecar was lost with the power."""
    return {
        "version": VERSION,
        "stream_id": stream_id,
        "state": "recording",
        "started_at": _text(started_at),
        "format": "wav",
        "gaps": [],
        "events": [],
        "flags": [],
        "notes": ["the sidecar was lost: of this call only the audio is known"],
    }


def end(document: Document, outcome: Outcome, failure: str | None) -> None:
    """Write down how the stream ended; `failure` is what kept us from recording all of it."""
    document["state"] = "failed" if failure else outcome.state
    document["reason"] = failure or outcome.reason
    document["ended_at"] = _text(outcome.ended_at)
    document["received"] = {"frames": outcome.frames, "seconds": outcome.seconds}
    if outcome.state != "failed":  # it has the last word: what looked lost may only have been late
        document["gaps"] = [g for g in document["gaps"] if g["reason"] != "not received"]
    for gap in outcome.gaps:
        add_gap(document, gap)
    document["gaps"].sort(key=lambda gap: gap["at"])
    document["flags"] = list(outcome.flags)


def interrupt(document: Document, ended_at: datetime, reason: str) -> None:
    """Write down that nobody was left to say how the stream ended."""
    document["state"] = "interrupted"
    document["reason"] = reason
    document["ended_at"] = _text(ended_at)


def keep(document: Document, files: list[Document], audio_format: str) -> None:
    """Write down which files the recording is."""
    document["files"] = files
    document["format"] = audio_format
    document["frames"] = max((file["first_frame"] + file["frames"] for file in files), default=0)
    if rate := document.get("sample_rate"):
        document["seconds"] = document["frames"] / rate


def add_gap(document: Document, gap: Gap) -> None:
    """Write down missing audio, once."""
    entry = {"at": gap.at, "seconds": gap.seconds, "reason": gap.reason}
    if entry not in document["gaps"]:
        document["gaps"].append(entry)


def add_metadata(document: Document, event: MetadataArrived) -> None:
    """Write down metadata that came late, with the identities that are in it."""
    document["metadata"] = event.attributes
    document["metadata_quality"] = event.quality
    for label, key in _LABELS.items():
        if document["call"][label] is None and isinstance(event.attributes.get(key), str):
            document["call"][label] = event.attributes[key]


def add_event(document: Document, event: StreamEvent, at: float) -> None:
    """Write down an event, unless there are far too many."""
    if len(document["events"]) < MAX_EVENTS:
        document["events"].append({"at": at, **_describe(event)})
    elif _TOO_MANY not in document["notes"]:
        document["notes"].append(_TOO_MANY)


def _describe(event: StreamEvent) -> Document:
    match event:
        case DtmfPressed():
            return {"event": "dtmf", "digit": event.digit, "duration": event.duration}
        case PlaybackDone():
            return {"event": "playback", "id": event.playback_id, "seconds": event.seconds}
        case MarkReached():
            return {"event": "mark", "name": event.name, "cleared": event.cleared}
        case SummaryReceived():
            return {"event": "summary", "data": event.data}
        case _:
            return {"event": type(event).__name__}


# On disk -------------------------------------------------------------------------------------


def write_first(path: Path, document: Document) -> None:
    """Write the sidecar of a stream that goes on: it survives this process, not the power."""
    _replace(path, encode(document) + b" " * ROOM, lasting=False)


def write(path: Path, document: Document) -> None:
    """Write a sidecar whole or not at all, to survive power loss once it is there."""
    _replace(path, encode(document), lasting=True)


def _replace(path: Path, text: bytes, *, lasting: bool) -> None:
    unfinished = path.with_suffix(".json.tmp")
    descriptor = create_file(unfinished, os.O_WRONLY | os.O_TRUNC)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            if lasting:
                os.fsync(descriptor)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink()
        raise


def rewrite(path: Path, document: Document) -> None:
    """Write a sidecar anew; on a full disk into the room that it has."""
    try:
        write(path, document)
    except OSError:
        overwrite(path, document)


def overwrite(path: Path, document: Document) -> None:
    """Write a sidecar where there is no room for another file, over the one that is there.

    Events and gaps are left out; ValueError if it still is longer than the one before.
    """
    text = encode(document | {"events": [], "gaps": []})
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if len(text) >= size:
            raise ValueError("the sidecar has no room for the end of the call")
        file.write(text.ljust(size - 1) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Document | None:
    """Read a sidecar; None if it is lost or no sidecar."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        return None
    return document


def encode(document: Document) -> bytes:
    """Encode a sidecar as JSON, whatever the metadata holds: nothing in it fails a recording."""
    try:
        text = _dump(document)
    except (ValueError, RecursionError):
        try:
            text = _dump(_finite(document))
        except (ValueError, RecursionError):
            note = "the metadata was nested too deeply to be kept"
            text = _dump(document | {"metadata": None, "notes": [*document["notes"], note]})
    # A lone surrogate has no UTF-8; written as \udXXX it is the JSON escape of itself.
    return text.encode("utf-8", "backslashreplace")


def _dump(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else repr(value)


def _finite(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinities) by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

"""A call in words: what jambonz said of it and what happened in it, as JSON that always encodes.

recording/ writes it into a file beside the audio, voicemail/ seals it.
"""

import json
import math
from collections.abc import Mapping
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

Document: TypeAlias = dict[str, Any]

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


def describe(call: Call) -> Document:
    """Begin the description of a call."""
    return {
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
        document["events"].append({"at": at, **_describe_event(event)})
    elif _TOO_MANY not in document["notes"]:
        document["notes"].append(_TOO_MANY)


def conclude(document: Document, outcome: Outcome) -> None:
    """Write down what the stream amounted to as the server received it."""
    document["received"] = {"frames": outcome.frames, "seconds": outcome.seconds}
    if outcome.state != "failed":  # it has the last word: what looked lost may only have been late
        document["gaps"] = [g for g in document["gaps"] if g["reason"] != "not received"]
    for gap in outcome.gaps:
        add_gap(document, gap)
    document["gaps"].sort(key=lambda gap: gap["at"])
    document["flags"] = list(outcome.flags)


def _describe_event(event: StreamEvent) -> Document:
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


def encode(document: Document) -> bytes:
    """Encode a description as JSON, whatever the metadata holds: nothing in it fails a sink."""
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

"""The JSON file beside a recording: what the call was, what was kept of it, how it ended.

README.md describes every key. A sidecar exists from the start of a stream, so that a killed
server loses nothing of it but events; placing.py brings it to its day with the audio.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from listen_sinks.api import Call, Outcome
from listen_sinks.description import Document, conclude, describe, encode
from listen_sinks.folders import create_file

VERSION: Final = 1
ROOM: Final = 2048
"""Bytes kept free at the end of a sidecar, for the last word about a call on a full disk."""


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
        **describe(call),
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
    conclude(document, outcome)


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


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

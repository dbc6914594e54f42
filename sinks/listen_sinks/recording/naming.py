"""What a recording is called in a bucket: YYYY/MM/DD/<callSid made safe>-<stream id>.wav.

The stream id makes a name unique, so the label before it may be anything, or nothing. On the disk
of this server there is no label: placing.py.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from listen_sinks.description import Document

LONGEST_LABEL: Final = 64  # characters

_UNSAFE: Final = re.compile(r"[^0-9A-Za-z_-]+")


def day(started_at: datetime) -> str:
    """Name the folder of a finished recording: by the day (UTC) on which its stream began."""
    return started_at.astimezone(UTC).strftime("%Y/%m/%d")


def safe_label(call_sid: object) -> str:
    """Make a label of what jambonz, or anybody, gave as `callSid`: ASCII letters, digits, - and _.

    A UUID stays as it is. What is no text, or has no letter and no digit, gives "".
    """
    if not isinstance(call_sid, str):
        return ""
    return _UNSAFE.sub("_", call_sid).strip("_-")[:LONGEST_LABEL].rstrip("_-")


class ObjectNames:
    """The names in the store of one recording, by its sidecar."""

    def __init__(self, document: Document) -> None:
        call: Mapping[str, object] = document.get("call") or {}
        label = safe_label(call.get("call_sid"))
        self._before = f"{label}-" if label else ""
        self._folder = day(datetime.fromisoformat(document["started_at"]))
        self.stem = f"{self._before}{document['stream_id']}"
        self.sidecar = f"{self._folder}/{self.stem}.json"

    def audio(self, local: str) -> str:
        """Name the object of a local file."""
        return f"{self._folder}/{self._before}{local}"

    def in_sidecar(self, document: Document) -> Document:
        """Return a sidecar that names its files as they are called beside it."""
        files = [
            file | {"name": PurePosixPath(self.audio(file["name"])).name}
            for file in document["files"]
        ]
        return document | {"files": files}

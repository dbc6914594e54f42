"""Events of what is in no database, kept as files until they are in the outbox.

A recording ends whether the database is there or not: `tell` writes a file, and survives what the
recording survives; `move` puts into the outbox what is there, in the order it was told.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from ulid import ULID

from listen_sinks.folders import create_file, make_folder, sync_folder
from listen_sinks.webhook.events import Event

log = structlog.get_logger(__name__)

MOST: Final = 500  # events that are moved at once


class WaitingRoom:
    """A folder with a file for each event. Every method blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, event: Event) -> None:
        """Keep an event; it lasts when this returns. Raises OSError."""
        make_folder(self._folder)
        name = str(ULID())
        unfinished = self._folder / f"{name}.tmp"
        descriptor = create_file(unfinished, os.O_WRONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encode(event))
            file.flush()
            os.fsync(descriptor)
        unfinished.rename(self._folder / f"{name}.json")
        sync_folder(self._folder)

    def count(self) -> int:
        """Return how many events wait. Raises OSError."""
        return sum(1 for _ in self._folder.glob("*.json"))

    def waiting(self) -> list[tuple[Path, Event]]:
        """Return the events that wait, the first that was told first. Raises OSError."""
        if not self._folder.is_dir():
            return []
        found = []
        for path in sorted(self._folder.glob("*.json"))[:MOST]:
            try:
                found.append((path, _decode(path.read_bytes())))
            except FileNotFoundError:
                continue  # another process has moved it
            except (ValueError, LookupError, TypeError):
                log.error("event cannot be read: it is put aside", file=path.name)  # noqa: TRY400 - its words may be anything
                path.rename(path.with_suffix(".unreadable"))
        return found


def forget(paths: list[Path]) -> None:
    """Remove the files of events that are in the outbox. Blocks."""
    for path in paths:
        path.unlink(missing_ok=True)


def _encode(event: Event) -> bytes:
    values = {
        "v": 1,
        "id": event.id,
        "type": event.type,
        "about": event.about,
        "tenant": event.tenant,
        "at": event.at.isoformat(),
        "data": dict(event.data),
    }
    return json.dumps(values).encode()


def _decode(text: bytes) -> Event:
    values = json.loads(text)
    return Event(
        type=values["type"],
        about=values["about"],
        tenant=values["tenant"],
        data=values["data"],
        at=datetime.fromisoformat(values["at"]),
        id=values["id"],
    )

"""The way of a finished recording from the folder of its run to that of its day.

The sidecar is the list of what is to be done: it is written before anything moves and moves last,
so that recovery.py can go on wherever a process was killed.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from listen_sinks.description import Document
from listen_sinks.folders import make_folder, sync_folder
from listen_sinks.recording.naming import day
from listen_sinks.recording.track import Part


class Home(Protocol):
    """Where finished recordings go: DayFolders, or a bucket (ship.py). All of it blocks."""

    def prepare(self, document: Document) -> None:
        """Get ready for a recording that begins."""

    def bring(self, document: Document, run: Path, leftovers: Sequence[Path]) -> None:
        """Bring what a sidecar lists, and the sidecar, from the folder of a run to its place.

        `leftovers` is what the recording was made from; it goes when the recording is safe.
        """


class DayFolders:
    """The folders of days in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self, document: Document) -> None:
        """Make the folder in which the recording ends up."""
        make_folder(home(document, self._directory))

    def bring(self, document: Document, run: Path, leftovers: Sequence[Path]) -> None:
        """Move the recording there."""
        place(document, run, self._directory, leftovers)


def sidecar_path(folder: Path, stream_id: str) -> Path:
    """Name the sidecar of a stream."""
    return folder / f"{stream_id}.json"


def day_folder(directory: Path, started_at: datetime) -> Path:
    """Name the folder of a finished recording: by the day (UTC) on which its stream began."""
    return directory / day(started_at)


def home(document: Document, directory: Path) -> Path:
    """Name the folder in which a recording ends up."""
    return day_folder(directory, datetime.fromisoformat(document["started_at"]))


def describe_file(part: Part, path: Path | None = None) -> Document:
    """Describe a finished file: of a part as it was recorded, or as it was encoded to `path`."""
    path = path or part.path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return {
        "name": path.name,
        "channels": list(part.channels),
        "first_frame": part.first_frame,
        "frames": part.frames,
        "bytes": size,
        "sha256": digest,
    }


def place(document: Document, run: Path, directory: Path, leftovers: Sequence[Path]) -> None:
    """Move the files that a sidecar lists, then itself. Every step can be taken again.

    `leftovers` is what the recording was made from; it goes when the recording is safe.
    """
    folder = home(document, directory)
    make_folder(folder)
    for file in document["files"]:
        _move(run / file["name"], folder / file["name"])
    if leftovers:
        sync_folder(folder)
    for path in leftovers:
        path.unlink(missing_ok=True)
    _move(sidecar_path(run, document["stream_id"]), sidecar_path(folder, document["stream_id"]))
    sync_folder(folder)


def let_go(run: Path, leftovers: Sequence[Path]) -> None:
    """Make a finished recording last where it is, and remove what it was made from."""
    sync_folder(run)
    for path in leftovers:
        path.unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    """Move a file, unless a process that was killed has moved it already."""
    if not target.exists():
        source.rename(target)
    elif source.exists():
        raise FileExistsError(
            f"{target} is there already: two sinks that record the same streams "
            "need a `directory` each"
        )

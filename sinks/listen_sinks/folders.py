"""Folders that survive power loss, and whose they are while a process writes in them.

    <directory>/open/<run>/...     growing; locked by the process that writes there

What a killed process left behind is taken over by the next one. recording/ and voicemail/ put
their files there. POSIX only.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from ulid import ULID

OPEN: Final = "open"
LOCK: Final = "lock"
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, for this user alone, and to stay after power loss."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # another process was faster
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder stay after power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_file(path: Path, flags: int = os.O_WRONLY | os.O_EXCL) -> int:
    """Create a file for this user alone; return its descriptor. Links are not followed."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)


class Run:
    """The folder in which one process writes. Who holds its lock owns what is in it."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock = lock

    @classmethod
    def begin(cls, directory: Path) -> "Run":
        """Make a folder with a new name and lock it."""
        while True:
            folder = directory / OPEN / str(ULID())
            make_folder(folder)
            os.close(create_file(folder / LOCK))
            if run := cls.take_over(folder):
                return run
            # somebody who tidies up took the empty folder for left behind: make another one

    @classmethod
    def take_over(cls, folder: Path) -> "Run | None":
        """Lock the folder of a process that is gone; None if it lives or another one was faster."""
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                return cls(folder, lock)
        except BlockingIOError:
            pass
        os.close(lock)
        return None

    def end(self) -> None:
        """Remove the folder if it is empty, and let go of it in any case."""
        try:
            if os.listdir(self.folder) == [LOCK]:  # noqa: PTH208 - names are all that is needed
                (self.folder / LOCK).unlink()
                self.folder.rmdir()
        finally:
            os.close(self._lock)


def left_behind(directory: Path) -> list[Run]:
    """Take over every run whose process is gone."""
    try:
        folders = sorted((directory / OPEN).iterdir())
    except FileNotFoundError:
        return []
    return [run for folder in folders if (run := Run.take_over(folder))]

"""What the spool asks of the operating system, so that tests can put one that fails in its place.

Every call blocks: group_commit.py and ../../group_writer.py have the threads for it.
"""

import ctypes
import errno
import os
import platform
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from listen_sinks.folders import create_file

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that say that there is no room."""

_SYNCFS_REPORTS: Final = (5, 8)  # the Linux from which on syncfs(2) tells of writes that failed


class Disk:
    """A volume, through the operating system."""

    def __init__(self) -> None:
        self._syncfs = find_syncfs()

    def create(self, path: Path) -> int:
        """Create a file for this user alone, to be written; return its descriptor."""
        return create_file(path)

    def write(self, descriptor: int, data: bytes) -> None:
        """Append all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def create_whole(self, path: Path, data: bytes) -> None:
        """Create a small file with all that is ever in it."""
        descriptor = self.create(path)
        try:
            self.write(descriptor, data)
            if self._syncfs is None:  # nobody will know this descriptor when the sync comes
                os.fsync(descriptor)
        finally:
            self.close(descriptor)

    def write_at(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of it at a place."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(descriptor, rest, offset)
            rest = rest[written:]
            offset += written

    def close(self, descriptor: int) -> None:
        """Close a file. What it may say about writes, the sync says too."""
        with suppress(OSError):
            os.close(descriptor)

    def allocate(self, descriptor: int, size: int) -> None:
        """Take so many bytes of the volume for a file."""
        os.posix_fallocate(descriptor, 0, size)

    def rename(self, path: Path, target: Path) -> None:
        """Rename a file, over another if need be."""
        path.rename(target)

    def remove(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        path.unlink(missing_ok=True)

    def free(self, folder: Path) -> int:
        """Return how many bytes this user can still write there."""
        return shutil.disk_usage(folder).free

    def sync(self, folder: int, files: Iterable[int]) -> None:
        """Make all that was written to these files, and their names in the folder, last.

        One system call for the whole volume where there is one that tells of failures; a sync of
        each file where there is none.
        """
        if self._syncfs is not None:
            self._syncfs(folder)
            return
        for descriptor in files:
            os.fsync(descriptor)
        os.fsync(folder)


class _SyncFs:
    """syncfs(2), which Python does not have."""

    def __init__(self, function: "ctypes._FuncPointer") -> None:
        self._function = function

    def __call__(self, descriptor: int) -> None:
        if self._function(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def find_syncfs() -> _SyncFs | None:
    """Return syncfs(2), or None where there is none, or one that keeps failures to itself."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    if platform.system() != "Linux" or not found:
        return None
    if (int(found[1]), int(found[2])) < _SYNCFS_REPORTS:
        return None
    try:
        return _SyncFs(ctypes.CDLL(None, use_errno=True).syncfs)
    except (AttributeError, OSError):
        return None

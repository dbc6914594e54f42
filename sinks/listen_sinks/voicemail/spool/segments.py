"""The sealed object of one message on disk, in files that are left once they have failed.

What a disk has failed to keep once is not asked of it again in the same place: Linux may call a
page clean that it could not write. So all that is not known to last is written again, into a new
file, from where it still is: the page cache. Should a file system have dropped it there too, the
chunks concerned do not open, and no others. stored.py joins what lies in several files.
"""

from pathlib import Path

from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import Segment, segment_path
from listen_sinks.voicemail.spool.pieces import read_range
from listen_sinks.voicemail.spool.space import Space


class Segments:
    """One object, appended to. Used in the writer's thread alone."""

    def __init__(self, disk: Disk, space: Space, stem: Path) -> None:
        self._disk = disk
        self._space = space
        self._stem = stem
        self._descriptor = -1
        self._owed = b""  # what no file has taken yet
        self._written = 0  # bytes of the object that are in files
        self._marked = 0  # those that a sync is going on for
        self._synced = 0  # those that last
        self.files: list[Segment] = []

    @property
    def unsynced(self) -> int:
        """Bytes that are not known to last."""
        return self._written + len(self._owed) - self._synced

    @property
    def written(self) -> int:
        """Bytes of the object that are in files, whether they last or not."""
        return self._written

    @property
    def descriptors(self) -> list[int]:
        """The file that is written to, if any."""
        return [self._descriptor] if self._descriptor >= 0 else []

    def append(self, data: bytes) -> None:
        """Append to the object. Raises OSError if a new file does not take it either."""
        self._owed += data
        try:
            self._append()
        except OSError as error:
            self._space.refused(error)
            self.start_over()

    def mark(self) -> None:
        """Take note of what the sync that begins now is for."""
        self._marked = self._written

    def confirm(self) -> None:
        """Take note that it lasts."""
        self._synced = self._marked

    def start_over(self) -> None:
        """Go on in a new file, with all that is not known to last. Raises OSError."""
        self.close()
        self._marked = self._synced
        doubtful = read_range(self.files, self._synced, self._written)
        number = len(self.files)
        path = segment_path(self._stem, number, self._synced)
        self._descriptor = self._disk.create(path)
        self.files.append(Segment(number, self._synced, path))
        try:
            self._disk.write(self._descriptor, doubtful + self._owed)
        except OSError:
            self.close()
            raise
        self._paid()

    def close(self) -> None:
        """Close the file, whatever it says."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._disk.close(descriptor)

    def _append(self) -> None:
        if self._descriptor < 0:
            self.start_over()
        else:
            self._disk.write(self._descriptor, self._owed)
            self._paid()

    def _paid(self) -> None:
        self._written += len(self._owed)
        self._owed = b""

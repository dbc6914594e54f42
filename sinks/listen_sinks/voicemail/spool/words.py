"""The small files of one message on disk, each written whole or not at all."""

from contextlib import suppress
from pathlib import Path

from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import named
from listen_sinks.voicemail.spool.space import Space


class Words:
    """`note`, `late` and `end` of one message. Used in the writer's thread alone."""

    def __init__(self, disk: Disk, space: Space, stem: Path) -> None:
        self._disk = disk
        self._space = space
        self._stem = stem
        self._unsynced: dict[str, bytes] = {}
        self._marked: dict[str, bytes] = {}
        self.saved: set[str] = set()

    @property
    def unsynced(self) -> bool:
        """Whether any of them is not known to last."""
        return bool(self._unsynced)

    def save(self, word: str, data: bytes) -> None:
        """Write one, or write it anew. Raises OSError if the disk does not take it."""
        try:
            self._write(word, data)
        except OSError as error:
            self._space.refused(error)
            self._write(word, data)
        self._unsynced[word] = data
        self.saved.add(word)

    def mark(self) -> None:
        """Take note of what the sync that begins now is for."""
        self._marked = dict(self._unsynced)

    def confirm(self) -> None:
        """Forget what is known to last."""
        for word, data in self._marked.items():
            if self._unsynced.get(word) is data:
                del self._unsynced[word]
        self._marked = {}

    def start_over(self) -> None:
        """Write what is not known to last into new files. Raises OSError."""
        self._marked = {}
        for word, data in self._unsynced.items():
            self._write(word, data)

    def _write(self, word: str, data: bytes) -> None:
        unfinished = named(self._stem, f"{word}.new")
        self._disk.remove(unfinished)
        try:
            self._disk.create_whole(unfinished, data)
            self._disk.rename(unfinished, named(self._stem, word))
        except OSError:
            with suppress(OSError):
                self._disk.remove(unfinished)
            raise

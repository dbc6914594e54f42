"""A disk that fails when it is told to, for the tests of the voicemail store."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from listen_sinks.voicemail.spool import Disk

Operation: TypeAlias = Literal["create", "write", "sync", "rename"]


class FailingDisk(Disk):
    """Fails the n-th write, sync, ... of all, counted from 1: once, or for ever from there on.

    What it refuses to sync it forgets, as Linux may: the bytes since the last good sync are gone.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        nth: int,
        number: int = errno.EIO,
        *,
        for_ever: bool = False,
        forgetful: bool = False,
    ) -> None:
        super().__init__()
        self._operations = set(operations)
        self._nth = nth
        self._number = number
        self._for_ever = for_ever
        self._forgetful = forgetful
        self._count = 0
        self._paths: dict[int, Path] = {}
        self._unsynced: list[tuple[Path, int, int]] = []  # file, offset, length
        self.hit = False
        self.healed = False

    def create(self, path: Path) -> int:
        self._may_fail("create")
        descriptor = super().create(path)
        self._paths[descriptor] = path
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        self._unsynced.append((self._paths[descriptor], at, len(data)))
        if self._is_hit("write"):
            super().write(descriptor, data[: len(data) // 2])  # a part of it may have arrived
            raise self._error()
        super().write(descriptor, data)

    def write_at(self, descriptor: int, data: bytes, offset: int) -> None:
        if self._is_hit("write"):
            super().write_at(descriptor, data[: len(data) // 2], offset)
            raise self._error()
        super().write_at(descriptor, data, offset)

    def rename(self, path: Path, target: Path) -> None:
        self._may_fail("rename")
        super().rename(path, target)

    def sync(self, folder: int, files: Iterable[int]) -> None:
        if self._is_hit("sync"):
            if self._forgetful:
                self._forget()
            raise self._error()
        super().sync(folder, files)
        self._unsynced.clear()

    def _forget(self) -> None:
        for path, offset, length in self._unsynced:
            if path.suffix == ".audio":
                with path.open("r+b") as file:
                    file.seek(offset)
                    file.write(bytes(length))

    def _may_fail(self, operation: Operation) -> None:
        if self._is_hit(operation):
            raise self._error()

    def _is_hit(self, operation: Operation) -> bool:
        if operation not in self._operations or self.healed:
            return False
        self._count += 1
        hit = self._count == self._nth or (self._for_ever and self._count >= self._nth)
        self.hit |= hit
        return hit

    def _error(self) -> OSError:
        return OSError(self._number, os.strerror(self._number))

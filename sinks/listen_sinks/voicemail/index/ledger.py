"""The erasure ledger: a file beside the database that outlives a restored backup of it.

One JSON line per erasure, ids only, written and synced before the database is changed, and one
that it is done. Keep it apart from the database's backups, and never restore it with them:
replay.py reads it then.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast, get_args

from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.records import ErasureKind

_VERSION: Final = 1


class BadLedger(ValueError):  # noqa: N818 - the name is the fault
    """A line of the ledger cannot be read: somebody has to look before a backup is used."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One erasure, by ids: all that is needed to do it again."""

    erasure: str  # ULID
    kind: ErasureKind
    at: datetime
    tenant: str
    mailbox: str | None  # its keys were destroyed, if kind is mailbox
    messages: tuple[str, ...]  # gone as a whole
    parts: tuple[tuple[str, int], ...]  # gone, of messages that stay
    objects: tuple[str, ...]  # to be deleted from the store

    def encode(self) -> bytes:
        """Return it as a line of JSON."""
        values = {
            "v": _VERSION,
            "erasure": self.erasure,
            "kind": self.kind,
            "at": self.at.astimezone(UTC).isoformat(),
            "tenant": self.tenant,
            "mailbox": self.mailbox,
            "messages": list(self.messages),
            "parts": [list(part) for part in self.parts],
            "objects": list(self.objects),
        }
        return _encoded(values)


@dataclass(frozen=True, slots=True)
class LedgerContents:
    """What a ledger says."""

    lines: tuple[LedgerLine, ...]  # oldest first
    cut: int
    """Lines that a crash or a full disk has cut: their erasures were not begun, but tried again."""
    done: frozenset[str] = frozenset()
    """Erasures that the database has taken. One that is not among them may never have been."""


class Ledger:
    """The file. Its methods block; processes of one machine can share it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, line: LedgerLine) -> None:
        """Add a line; it lasts when this returns. Raises IndexAway if it cannot be written."""
        self._append(line.encode())

    def confirm(self, erasures: Iterable[str]) -> None:
        """Add that the database has taken these. Raises IndexAway as `append` does."""
        if done := list(erasures):
            self._append(_encoded({"v": _VERSION, "done": done}))

    def _append(self, line: bytes) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o600), "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _write(file.fileno(), line)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise IndexAway("the erasure ledger cannot be written") from error

    def read(self) -> "LedgerContents":
        """Read all of it; it is empty where there is no file. Raises BadLedger, OSError."""
        try:
            rows = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            rows = [b""]
        whole = [(number, row) for number, row in enumerate(rows, 1) if row.endswith(b"}")]
        cut = sum(bool(row) for row in rows) - len(whole)
        read = [_decode(row, number) for number, row in whole]
        lines = tuple(one for one in read if isinstance(one, LedgerLine))
        done = frozenset(id_ for one in read if not isinstance(one, LedgerLine) for id_ in one)
        return LedgerContents(lines, cut, done)


def _write(file: int, line: bytes) -> None:
    end = os.fstat(file).st_size
    if end and os.pread(file, 1, end - 1) != b"\n":
        line = b"\n" + line  # what a crash has cut gets a line of its own
    while line:
        line = line[os.write(file, line) :]
    os.fsync(file)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _encoded(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _decode(line: bytes, number: int) -> LedgerLine | list[str]:
    try:
        values: dict[str, Any] = json.loads(line)
        read = _read(values)
        known = values["v"] == _VERSION
        if isinstance(read, LedgerLine):
            known = known and read.kind in get_args(ErasureKind)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BadLedger(f"line {number} of the erasure ledger cannot be read") from error
    if not known:
        raise BadLedger(f"line {number} of the erasure ledger is of a newer version")
    return read


def _read(values: Mapping[str, Any]) -> LedgerLine | list[str]:
    if "done" in values:
        return [str(erasure) for erasure in values["done"]]
    return LedgerLine(
        erasure=str(values["erasure"]),
        kind=cast("ErasureKind", values["kind"]),
        at=datetime.fromisoformat(values["at"]),
        tenant=str(values["tenant"]),
        mailbox=values["mailbox"],
        messages=tuple(map(str, values["messages"])),
        parts=tuple((str(message), int(part)) for message, part in values["parts"]),
        objects=tuple(map(str, values["objects"])),
    )

"""The file of roots: one line each, oldest first, for its owner's eyes. file.py wraps with it.

# comment
<16 hex digits: root id> <44 characters of base64: the root>
"""

import base64
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from listen_sinks.voicemail.labels import label
from listen_sinks.voicemail.sealed import KEY

ID: Final = 8  # bytes
_LARGEST_FILE: Final = 2**20
_TITLE: Final = """\
# Root keys of listen-server, oldest first; the last one wraps.
# Without this file no stored message opens; with it and the database, every one does.
# Keep a copy of it, apart from the database and its backups.
"""


class BadRootFile(Exception):  # noqa: N818 - the name is the fault
    """The file of roots cannot be used as it is. The sentence is for the operator."""


@dataclass(frozen=True, slots=True)
class Root:
    """A root key; its id is derived from it, so that a line that was mistyped is noticed."""

    id: bytes
    key: bytes = field(repr=False)


def load(path: Path) -> list[Root]:
    """Read the roots, oldest first, never none. Raises OSError or BadRootFile."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise BadRootFile(
                f"{path} is open to others (mode {mode:04o}): `chmod 600` it, "
                "and take its keys for known if others use this machine"
            )
        data = file.read(_LARGEST_FILE)
    lines = enumerate(data.decode("utf-8", "replace").splitlines(), 1)
    found = [_parsed(path, number, line) for number, line in lines if _has_root(line)]
    if not found:
        raise BadRootFile(f"{path} has no root in it: put its backup in place")
    return found


def create(path: Path) -> bool:
    """Make the file with a first root, unless it is there; say whether it was made.

    Never takes the place of a file, however many processes try at once. Raises OSError.
    """
    if path.exists():
        return False
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.urandom(4).hex()}.new")
    try:
        with _open_new(new) as file:
            _write(file, _TITLE + _line(_new_root()))
        os.link(new, path)
    except FileExistsError:
        return False  # another process was faster
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def add(path: Path) -> Root:
    """Add a root at the end and return it. Raises OSError or BadRootFile.

    Who is killed here leaves `<name>.new` behind and the file as it was.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        file = _open_new(new)
    except FileExistsError:
        raise BadRootFile(
            f"{path} is being changed, or somebody who did was killed: if so, remove {new}"
        ) from None
    try:
        with file:
            load(path)
            root = _new_root()
            _write(file, path.read_text("utf-8").rstrip("\n") + "\n" + _line(root))
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return root


def _new_root() -> Root:
    key = AESGCM.generate_key(KEY * 8)
    return Root(_id(key), key)


def _id(key: bytes) -> bytes:
    return HKDFExpand(SHA512(), ID, label("root-id")).derive(key)


def _line(root: Root) -> str:
    return f"{root.id.hex()} {base64.b64encode(root.key).decode('ascii')}\n"


def _has_root(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _parsed(path: Path, number: int, line: str) -> Root:
    try:
        key = base64.b64decode(line.rsplit(maxsplit=1)[-1], validate=True)
    except ValueError:
        key = b""
    root = Root(_id(key), key)
    if len(key) != KEY or _line(root).split() != line.split():
        raise BadRootFile(f"{path}, line {number} is damaged: put its backup in place")
    return root


def _open_new(path: Path) -> TextIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


def _write(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

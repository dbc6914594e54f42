"""The two small secrets of an installation: one hashes numbers, one signs the audit log.

Neither opens a message. Both functions block, and may be called by several processes at once.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.numbers import SECRET

_LENGTHS: Final = {"numbers": SECRET, "audit": 32}


def number_secret(path: Path) -> bytes:
    """Read the secret of the keyed hashes, or make it. Raises SinkError, OSError.

    All processes that share a database need the same one, and without it no number is found.
    """
    return _read_or_make(path, "numbers")


def derived(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes for another purpose than hashing numbers: FORMAT.md, section 7.

    The same in all processes that share the secret; none tells anything of another, or of it.
    """
    info = b"listen_server/derived\0" + purpose.encode("ascii")
    return HKDFExpand(SHA512(), SECRET, info).derive(secret)


def audit_key(path: Path) -> Ed25519PrivateKey:
    """Read the key that signs the audit log, or make it. Raises SinkError, OSError."""
    return Ed25519PrivateKey.from_private_bytes(_read_or_make(path, "audit"))


def _read_or_make(path: Path, what: str) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        _make(path, os.urandom(_LENGTHS[what]))
        return _read_or_make(path, what)
    except ValueError:
        secret = b""
    if len(secret) != _LENGTHS[what]:
        raise SinkError(f"{what}: {path} is damaged; put it back from your backup")
    return secret


def _make(path: Path, secret: bytes) -> None:
    """Let the file appear whole, and only if nobody was faster."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

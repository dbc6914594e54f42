"""Roots in a file: the provider that needs nobody else. roots.py reads and writes the file."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import roots
from listen_sinks.voicemail.keys.provider import KeysAway, Notice, WrongKey, context_bytes
from listen_sinks.voicemail.keys.roots import BadRootFile, Root
from listen_sinks.voicemail.labels import label
from listen_sinks.voicemail.sealed import NONCE, TAG

_MAGIC: Final = b"LSR1"
_FIXED: Final = len(_MAGIC) + roots.ID + NONCE
_BACK_IT_UP: Final = (
    "copy this file now, to a place apart from the database and its backups: "
    "without it no stored message opens"
)


class FileConfig(BaseModel):
    """`[sinks.voicemail.keys]` with `provider = "file"`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: Path = Path("root.keys")
    """The file with the roots; a relative path is below the data directory."""
    create: bool = True
    """Make the file on first start, if it is not there."""


class FileKeys:
    """AES-256-GCM under the newest root of a file; older roots in it unwrap what they wrapped."""

    Config: ClassVar[type[BaseModel]] = FileConfig

    def __init__(self, config: FileConfig, data_dir: Path) -> None:
        self._config = config
        self._path = data_dir / config.path

    async def open(self, *, may_create: bool = True) -> tuple[Notice, ...]:
        """Read the file, or make it. Raises SinkError with the fix."""
        return await asyncio.to_thread(self._open, create=may_create and self._config.create)

    async def close(self) -> None:
        """Nothing is held."""

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap under the newest root; adds 40 bytes."""
        return _wrap((await self._roots())[-1], secret, context)

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap under the root that the value names."""
        return _unwrap(await self._roots(), wrapped, context)

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap and wrap again."""
        known = await self._roots()
        return _wrap(known[-1], _unwrap(known, wrapped, context), context)

    async def rotate(self) -> tuple[Notice, ...]:
        """Add a root, which wraps from now on. Raises SinkError if the file cannot be changed."""
        return await asyncio.to_thread(self._rotate)

    async def _roots(self) -> list[Root]:
        # Read each time: another process may have rotated, and it is a small file.
        try:
            return await asyncio.to_thread(roots.load, self._path)
        except (OSError, BadRootFile) as error:
            raise KeysAway(f"keys: {_sentence(error, self._path)}") from error

    def _open(self, *, create: bool) -> tuple[Notice, ...]:
        try:
            made = create and roots.create(self._path)
            newest = roots.load(self._path)[-1]
        except FileNotFoundError as error:
            raise SinkError(
                f"keys: {self._path} is not there: put its backup in place; "
                "without it no message that is stored opens"
            ) from error
        except (OSError, BadRootFile) as error:
            raise SinkError(f"keys: {_sentence(error, self._path)}") from error
        return (self._notice("root key made", newest),) if made else ()

    def _rotate(self) -> tuple[Notice, ...]:
        try:
            newest = roots.add(self._path)
        except (OSError, BadRootFile) as error:
            raise SinkError(f"keys: {_sentence(error, self._path)}") from error
        return (self._notice("root key added", newest),)

    def _notice(self, event: str, root: Root) -> Notice:
        return Notice(event, {"path": str(self._path), "root": root.id.hex(), "todo": _BACK_IT_UP})


def _wrap(root: Root, secret: bytes, context: Mapping[str, str]) -> bytes:
    nonce = os.urandom(NONCE)
    return _MAGIC + root.id + nonce + AESGCM(root.key).encrypt(nonce, secret, _aad(root, context))


def _unwrap(known: list[Root], wrapped: bytes, context: Mapping[str, str]) -> bytes:
    if wrapped[: len(_MAGIC)] != _MAGIC or len(wrapped) < _FIXED + TAG:
        raise WrongKey("keys: this was not wrapped by a root in a file")
    name = wrapped[len(_MAGIC) : len(_MAGIC) + roots.ID]
    root = next((root for root in known if root.id == name), None)
    if root is None:
        raise WrongKey(f"keys: wrapped under root {name.hex()}, which is not in the file")
    nonce, rest = wrapped[_FIXED - NONCE : _FIXED], wrapped[_FIXED:]
    try:
        return AESGCM(root.key).decrypt(nonce, rest, _aad(root, context))
    except InvalidTag:
        raise WrongKey("keys: a wrapped key is changed, or of another mailbox or version") from None


def _aad(root: Root, context: Mapping[str, str]) -> bytes:
    return label("root", root.id + context_bytes(context))


def _sentence(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    return str(error)

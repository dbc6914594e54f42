"""Where whole objects are kept: a directory, or a bucket by its url. shipping.py tries again.

file:///PATH    s3://BUCKET/PREFIX    gs://BUCKET/PREFIX    az://CONTAINER/PREFIX
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from listen_sinks.api import SinkError
from listen_sinks.folders import FILE_MODE, make_folder, sync_folder

AT_ONCE: Final = 2**23
"""Bytes of an object that goes in one request; a larger one goes in parts."""

SCHEMES: Final = ("file", "s3", "gs", "az")
_BLOCK: Final = 2**20
_PARTS_AT_ONCE: Final = 2
_LISTED: Final = 500  # names in one answer
_ANSWER: Final = 30.0  # seconds until a store has to answer
_SLOWEST: Final = 2**17  # bytes per second that are waited for


class ObjectsAway(Exception):  # noqa: N818 - a finding: keep what you have, and try again later
    """The store cannot be reached, does not take an object, or has no such object."""


class Source(Protocol):
    """The bytes of an object; may be read more than once."""

    @property
    def size(self) -> int:
        """Return how many there are."""

    def blocks(self, size: int) -> Iterator[bytes]:
        """Read them in order, in blocks of at most that size. Blocks the thread."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object that the store has."""

    name: str
    size: int  # bytes
    written_at: datetime


class ObjectStore:
    """Keeps objects by name. Every method raises ObjectsAway."""

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        """Make one; nothing is asked of it yet. Raises SinkError for what cannot work.

        `options` are obstore's for the kind of store: `endpoint`, `region`, ... ; credentials that
        are not among them come from the environment, as the cloud's own tools read it.
        """
        self._root: Path | None = None
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES:
            raise SinkError(f"store: {scheme!r} is none of {', '.join(SCHEMES)}")
        if scheme == "file":
            if options:
                raise SinkError("store: a directory has no options")
            self._root = Path(rest)
        else:
            self._store = _bucket(url, dict(options or {}))

    async def open(self) -> None:
        """Make the directory, if it is one. Raises OSError."""
        if self._root is not None:
            await asyncio.to_thread(make_folder, self._root)
            self._store = LocalStore(self._root)

    async def put(self, name: str, source: Source) -> None:
        """Store an object whole, over one of the same name; it lasts when this returns."""
        size = source.size
        async with _patience(size):
            if size <= AT_ONCE:
                data = await asyncio.to_thread(b"".join, source.blocks(_BLOCK))
                await obstore.put_async(self._store, name, data, use_multipart=False)
            else:
                blocks = _in_thread(source.blocks(_BLOCK))
                await obstore.put_async(self._store, name, blocks, max_concurrency=_PARTS_AT_ONCE)
            if self._root is not None:
                await asyncio.to_thread(_settle, self._root, name)
            kept = (await obstore.head_async(self._store, name))["size"]
        if kept != size:
            raise ObjectsAway(f"the store kept {kept} bytes of an object of {size}")

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Read bytes of an object; fewer at its end."""
        if not length:
            return b""
        async with _patience(length):
            found = await obstore.get_range_async(self._store, name, start=offset, length=length)
        return bytes(found)

    async def size(self, name: str) -> int | None:
        """Return how many bytes an object has; None if there is none."""
        try:
            async with _patience(0):
                return (await obstore.head_async(self._store, name))["size"]
        except ObjectsAway as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    async def found(self, prefix: str = "") -> AsyncIterator[Sequence[Found]]:
        """Yield all objects there are, some at a time, in no order."""
        async with _patience(0):
            listing = obstore.list(self._store, prefix or None, chunk_size=_LISTED)
        while True:
            async with _patience(0):
                page = await anext(listing, None)
            if page is None:
                return
            yield [Found(one["path"], one["size"], one["last_modified"]) for one in page]

    async def delete(self, name: str) -> None:
        """Delete an object, if there is one."""
        try:
            async with _patience(0):
                await obstore.delete_async(self._store, name)
        except ObjectsAway as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise


def directory_url(directory: Path) -> str:
    """Return the url of a directory."""
    return f"file://{directory.absolute()}"


def _bucket(url: str, options: dict[str, str]) -> Any:
    plain = options.get("endpoint", "").startswith("http://")
    try:
        return from_url(
            url,
            config=options,  # type: ignore[call-overload]  # which of them there are is its affair
            client_options={
                "allow_http": plain,
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=_ANSWER),
            },
            # Trying again is done where it is seen.
            retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=_ANSWER)},
        )
    except (BaseError, ValueError, OSError) as error:
        raise SinkError(f"store: {_first_line(error)}") from error


@asynccontextmanager
async def _patience(size: int) -> AsyncIterator[None]:
    """Give a store time for so many bytes; tell whatever it says as ObjectsAway."""
    try:
        async with asyncio.timeout(_ANSWER + size / _SLOWEST):
            yield
    except TimeoutError as error:
        raise ObjectsAway("the store does not answer in time") from error
    except (BaseError, OSError) as error:
        raise ObjectsAway(_first_line(error)) from error


async def _in_thread(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(next, blocks, b""):
        yield block


def _settle(root: Path, name: str) -> None:
    """Make a file, and the folders above it, last: the store that wrote it did not."""
    path = root / name
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, FILE_MODE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = path.parent
    while folder != root:
        sync_folder(folder)
        folder = folder.parent
    sync_folder(root)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]

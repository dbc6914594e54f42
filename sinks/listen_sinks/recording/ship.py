"""The way of finished recordings into a bucket: audio, then sidecar, and only then gone from here.

Every step can be taken again: ../shipping.py does, until all of it is done. Until then a recording
lies in the folder of its run, where recovery.py finds it if this process is killed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from listen_sinks.api import Waiting
from listen_sinks.description import Document, encode
from listen_sinks.folders import sync_folder
from listen_sinks.objects import ObjectsAway, ObjectStore
from listen_sinks.recording.naming import ObjectNames
from listen_sinks.recording.placing import let_go, sidecar_path
from listen_sinks.shipping import Shipping


class NameTaken(Exception):  # noqa: N818 - a finding: the recording stays here
    """Another recording has the name in the store."""


@dataclass(eq=False, slots=True)
class Outgoing:
    """A finished recording, in the folder of a run."""

    document: Document
    run: Path
    arrived: set[str] = field(default_factory=set)
    """Files that are in the store: this process has asked."""


class Outbound:
    """Recordings on their way to a bucket. `saved` is told of each that is there."""

    def __init__(
        self,
        objects: ObjectStore,
        saved: Callable[[Document], Awaitable[None]],
        *,
        uploads: int,
    ) -> None:
        self._objects = objects
        self._saved = saved
        self.shipping = Shipping(self.ship, "recording", at_once=uploads)
        self.streams: set[str] = set()
        """Of what is waiting, or on its way."""

    def open(self) -> None:
        """Get ready to be brought recordings; `shipping` is started and closed by plugin.py."""
        self._loop = asyncio.get_running_loop()

    def prepare(self, document: Document) -> None:
        """Do nothing: a bucket has no folders."""

    async def waiting(self) -> Waiting:
        """Return what is not there yet."""
        left = self.shipping.left()
        size = await asyncio.to_thread(lambda: sum(map(_size, left)))
        ended = [text for one in left if (text := one.document.get("ended_at"))]
        oldest = min(map(datetime.fromisoformat, ended), default=None)
        return Waiting(len(left), size, oldest)

    def bring(self, document: Document, run: Path, leftovers: Sequence[Path]) -> None:
        """Ship what a sidecar lists, soon; `leftovers` go now. Blocks: for a thread."""
        let_go(run, leftovers)
        self._loop.call_soon_threadsafe(self._add, Outgoing(document, run))

    def _add(self, outgoing: Outgoing) -> None:
        self.streams.add(outgoing.document["stream_id"])
        self.shipping.add([outgoing])

    async def ship(self, outgoing: Outgoing) -> None:
        """Ship one recording. Raises whatever keeps it from being there; then it is still here."""
        document = outgoing.document
        names = ObjectNames(document)
        try:
            await self._upload(outgoing, names)
        except ObjectsAway as error:  # the store's words have its url: the log shall not name calls
            told = str(error).replace(names.stem, document["stream_id"])
            raise ObjectsAway(told) from None
        await self._saved(document)
        await asyncio.to_thread(_remove, outgoing)
        self.streams.discard(document["stream_id"])

    async def _upload(self, outgoing: Outgoing, names: ObjectNames) -> None:
        document = outgoing.document
        text = await asyncio.to_thread(lambda: encode(names.in_sidecar(document)) + b"\n")
        if await self._is_there(names.sidecar, text):
            return  # and so is the audio, which came first: a process was killed after that
        for file in document["files"]:
            local: str = file["name"]
            if local not in outgoing.arrived:
                source = await asyncio.to_thread(partial(FileSource.of, outgoing.run / local))
                await self._objects.put(names.audio(local), source)
                outgoing.arrived.add(local)
        await self._objects.put(names.sidecar, BytesSource(text))

    async def _is_there(self, name: str, text: bytes) -> bool:
        """Say whether a sidecar is in the store. Raises NameTaken if it is that of another."""
        size = await self._objects.size(name)
        if size is None:
            return False
        found = await self._objects.read(name, 0, size)
        if found != text and _parsed(found) != _parsed(text):
            raise NameTaken(
                "another recording of this stream is in the store: sinks that record the same "
                "streams need a `store` each"
            )
        return True


@dataclass(frozen=True, slots=True)
class FileSource:
    """The bytes of a file that does not change any more."""

    path: Path
    size: int

    @classmethod
    def of(cls, path: Path) -> "FileSource":
        """Make one; blocks."""
        return cls(path, path.stat().st_size)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Read them in order; blocks."""
        with self.path.open("rb") as file:
            while block := file.read(size):
                yield block


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Return how many there are."""
        return len(self.data)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Cut them."""
        return (self.data[at : at + size] for at in range(0, len(self.data), size))


def _size(outgoing: Outgoing) -> int:
    found = 0
    for file in outgoing.document["files"]:
        with suppress(FileNotFoundError):
            found += (outgoing.run / file["name"]).stat().st_size
    return found


def _remove(outgoing: Outgoing) -> None:
    """Remove a recording from here: the sidecar last, for a process that is killed on the way."""
    for file in outgoing.document["files"]:
        (outgoing.run / file["name"]).unlink(missing_ok=True)
    sync_folder(outgoing.run)
    sidecar_path(outgoing.run, outgoing.document["stream_id"]).unlink(missing_ok=True)


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

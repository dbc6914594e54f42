"""What is in a voicemail store, opened with the root key, for the tests of the voicemail sink."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import until
from sqlalchemy import select

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.pcm import deinterleave
from listen_sinks.api import Call, Outcome, SinkContext
from listen_sinks.objects import ObjectStore, directory_url
from listen_sinks.testing import make_outcome, packets
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailbox_keys import get_key
from listen_sinks.voicemail.index.parts import get_message_key, get_values
from listen_sinks.voicemail.index.schema import MessageRow, PartRow
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.keys.rotation import unlock
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyReader, split_tails
from listen_sinks.voicemail.sealed import unseal
from listen_sinks.voicemail.spool import Disk


@dataclass(frozen=True)
class Kept:
    """A message as it was kept."""

    message: str
    tenant: str
    mailbox: str
    state: str
    outcome: str
    reason: str
    seconds: float
    caller: str | None
    ending: str = ""
    audio: AudioBlock | None = field(default=None, repr=False)
    damaged: tuple[int, ...] = ()
    values: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def meta(self) -> dict[str, Any]:
        """What was sealed of the call."""
        found: dict[str, Any] = json.loads(self.values["meta"])
        return found


def make_voicemail(
    data_dir: Path, disk: Disk | None = None, *, name: str = "voicemail", **config: Any
) -> Voicemail:
    """Make the plugin as the server would for `[sinks.NAME]`, but quick."""
    quick = {"write_interval": 0.05, "sync_interval": 0.1, "low_water": 0, "reserve": 2**16}
    read = Voicemail.Config.model_validate({**quick, **config})
    return Voicemail(read, SinkContext(name, data_dir), disk)


@asynccontextmanager
async def voicemail(
    data_dir: Path, disk: Disk | None = None, **config: Any
) -> AsyncIterator[Voicemail]:
    """Open the plugin for as long as the block lasts."""
    plugin = await asyncio.to_thread(make_voicemail, data_dir, disk, **config)
    await plugin.open()
    try:
        yield plugin
    finally:
        await plugin.close()


async def take(
    plugin: Voicemail, call: Call, audio: AudioBlock, outcome: Outcome | None = None
) -> None:
    """Give a whole stream to the plugin."""
    sink = plugin.sink(call)
    await sink.start(call)
    for block in packets(audio, call.format.sample_rate // 10):
        await sink.audio(block)
    await sink.finish(outcome or make_outcome(call, audio.shape[1]))


async def shipped(plugin: Voicemail) -> None:
    """Wait until nothing waits to be shipped."""
    await until(lambda: not plugin.shipping.waiting)


async def contents(
    data_dir: Path, objects: ObjectStore | None = None, *, only: str | None = None
) -> dict[str, Kept]:
    """Open every message in the store of a data directory, by its id."""
    url = f"sqlite+aiosqlite:///{data_dir / 'index.db'}"
    database = await asyncio.to_thread(Database, url)
    directory = await asyncio.to_thread(_directory, data_dir / "store")
    store = objects or directory
    await store.open()
    try:
        async with database.reading() as session:
            rows = (await session.scalars(select(MessageRow))).all()
            parts = (await session.scalars(select(PartRow))).all()
        by_message: dict[str, list[PartRow]] = {}
        for part in parts:
            by_message.setdefault(part.message, []).append(part)
        reader = _Reader(database, store, FileKeys(FileConfig(), data_dir))
        return {
            row.id: await reader.read(row, by_message.get(row.id, []))
            for row in rows
            if only in (None, row.id)
        }
    finally:
        await database.close()


def _directory(path: Path) -> ObjectStore:
    return ObjectStore(directory_url(path))


@dataclass
class _Reader:
    database: Database
    objects: ObjectStore
    root: FileKeys

    async def read(self, row: MessageRow, parts: list[PartRow]) -> Kept:
        known = (row.id, row.tenant, row.mailbox, row.state, row.outcome, row.reason)
        if not parts:
            return Kept(*known, row.seconds, row.caller)
        (part,) = parts
        key = await self._key(part)
        reader = await self._open(part, key)
        found = await asyncio.to_thread(reader.salvage, 0, reader.length)
        frame = reader.header.frame_bytes
        audio = deinterleave(
            found.plain[: len(found.plain) // frame * frame], reader.header.channels
        )
        assert AudioFormat(part.sample_rate, part.mix).channels == reader.header.channels
        values = await get_values(self.database, part.message, part.part)
        context = value_context(part.message, part.part)
        labels: Any = list(values)
        plain = {name: unseal(key, name, context, values[name]) for name in labels}
        ending, damaged = reader.ending, found.damaged
        return Kept(*known, row.seconds, row.caller, ending, audio, damaged, plain)

    async def _key(self, part: PartRow) -> bytes:
        sealed = await get_message_key(self.database, part.message, part.part)
        assert sealed is not None
        pair = await get_key(self.database, sealed.mailbox, sealed.key_version)
        assert pair is not None
        private = await unlock(self.root, pair)
        return private.open_envelope(sealed.envelope, part.message, part.part)

    async def _open(self, part: PartRow, key: bytes) -> BodyReader:
        data = b""
        for name, offset, length in part.ranges:
            data += await self.objects.read(name, offset, length)
        return BodyReader(
            lambda offset, length: data[offset : offset + length],
            len(data),
            key,
            message=part.message,
            part=part.part,
            tails=split_tails(part.tails or b""),
        )

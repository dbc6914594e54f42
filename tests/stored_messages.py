"""A store with messages in it, written as a receiver writes them, for the tests of who reads."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from tables import lay_tables
from ulid import ULID

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.pcm import interleave
from listen_codecs.peaks import PeakCollector
from listen_sinks.objects import ObjectStore, directory_url
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.numbers import NumberKey, number_key
from listen_sinks.voicemail.index.own_secrets import audit_key, number_secret
from listen_sinks.voicemail.index.records import ObjectRange, Outcome, ShippedPart
from listen_sinks.voicemail.index.shipping import record_shipped
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import MailboxKey, create_key, seal_message_key
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyWriter, Header, new_message_key
from listen_sinks.voicemail.outline import encode_outline
from listen_sinks.voicemail.plugin import AUDIT_KEY
from listen_sinks.voicemail.sealed import seal
from listen_sinks.voicemail.store import MessageStore

TENANT = "acme"
ACTOR = "user:tester"
MONO = AudioFormat(8000, "mono")
STEREO = AudioFormat(16000, "stereo")
CALLER = "+442079460000"
META = json.dumps({"call": {"from": CALLER}}).encode()
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class CountingStore(ObjectStore):
    """Notes how many bytes were read."""

    bytes_read = 0

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Read, and count."""
        found = await super().read(name, offset, length)
        self.bytes_read += len(found)
        return found


@dataclass
class InMemory:
    """An object to be put."""

    data: bytes

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return len(self.data)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Read them."""
        return (self.data[at : at + size] for at in range(0, len(self.data), size))


@dataclass
class Kept:
    """A store on this machine, with a mailbox, and who may read it."""

    folder: Path
    database: Database
    objects: CountingStore
    provider: FileKeys
    audit: AuditLog
    key: MailboxKey
    numbers: NumberKey
    store: MessageStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MessageStore(self.database, self.objects, self.provider, self.audit)

    def path(self, message: str, part: int = 0) -> Path:
        """Return the file that a part lies in."""
        return self.folder / "store" / "v1" / self.key.public.mailbox / f"{message}.{part}.lsv1"

    async def leave(  # noqa: PLR0913 - each is one thing that can be odd about a message
        self,
        block: AudioBlock,
        form: AudioFormat = MONO,
        *,
        message: str | None = None,
        part: int = 0,
        outcome: Outcome = "complete",
        sealed: bool = True,
        pieces: int = 1,
        peaks: bool = True,
        caller: str = CALLER,
        meta: bytes = META,
    ) -> str:
        """Leave a message, or one more part of it; return its id.

        Not `sealed` it is as a killed process leaves it: whole chunks, and a tail record.
        """
        message, secret = message or str(ULID()), new_message_key()
        public = self.key.public
        writer = BodyWriter(
            secret,
            Header(message, part, public.mailbox, public.version, form.sample_rate, form.channels),
        )
        data = writer.prefix + writer.update(interleave(block))
        tail = b"" if sealed else writer.tail()
        data += writer.finalize() if sealed else b""
        ranges = await self._put(f"v1/{public.mailbox}/{message}.{part}", data, pieces)
        values = {"meta": seal(secret, "meta", value_context(message, part), meta)}
        if peaks and block.size:
            collector = PeakCollector()
            collector.feed(block)
            outline = encode_outline(collector)
            values["peaks"] = seal(secret, "peaks", value_context(message, part), outline)
        began = START + timedelta(seconds=part)
        await record_shipped(
            self.database,
            ShippedPart(
                message=message,
                part=part,
                mailbox=public.mailbox,
                key_version=public.version,
                envelope=seal_message_key(secret, public, message, part),
                format=form,
                started_at=began,
                ended_at=began,
                outcome=outcome,
                reason="the peer closed it",
                frames=block.shape[1],
                size=len(data),
                digest=hashlib.sha256(data).digest(),
                ranges=ranges,
                tails=tail,
                caller=self.numbers.caller(caller),
                values=values,
            ),
        )
        return message

    async def _put(self, name: str, data: bytes, pieces: int) -> tuple[ObjectRange, ...]:
        cuts = [len(data) * number // pieces for number in range(pieces + 1)]
        ranges = []
        for number, (start, stop) in enumerate(pairwise(cuts)):
            whole = f"{name}.lsv1" if pieces == 1 else f"{name}.lsv1.{number}"
            await self.objects.put(whole, InMemory(data[start:stop]))
            ranges.append(ObjectRange(whole, 0, stop - start))
        return tuple(ranges)


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[Kept]:
    """Make a store in a folder, and let go of it."""
    await asyncio.to_thread(lay_tables, folder)
    url = f"sqlite+aiosqlite:///{folder / 'index.db'}"
    database = await asyncio.to_thread(Database, url)  # it asks for the working directory
    objects = CountingStore(directory_url(folder / "store"))
    provider = FileKeys(FileConfig(), folder)
    audit = AuditLog(await asyncio.to_thread(audit_key, folder / AUDIT_KEY))
    try:
        await objects.open()
        await provider.open()
        tenant = await ensure_tenant(database, TENANT)
        secret = await asyncio.to_thread(number_secret, folder / "numbers.secret")
        numbers = number_key(secret, tenant.salt)
        key = await create_key(provider, str(ULID()))
        await add_mailbox(database, TENANT, key)
        yield Kept(folder, database, objects, provider, audit, key, numbers)
    finally:
        await database.close()


def speech(seconds: float, form: AudioFormat = MONO, seed: int = 1) -> AudioBlock:
    """Make samples that are nowhere the same."""
    shape = (form.channels, round(seconds * form.sample_rate))
    return np.random.default_rng(seed).integers(-(2**15), 2**15, shape, np.int16)


def faults(findings: Sequence[object]) -> list[str]:
    """Return the faults alone."""
    return [getattr(finding, "fault", "") for finding in findings]

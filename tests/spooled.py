"""Messages in a spool, begun and opened again, for the tests of the voicemail store's spool."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ulid import ULID

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.pcm import deinterleave
from listen_sinks.voicemail.keys.mailbox import PrivateKey, new_pair, seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyReader, BodyWriter, Header, new_message_key, split_tails
from listen_sinks.voicemail.sealed import seal, unseal
from listen_sinks.voicemail.spool import Disk, End, Note, Spool, SpooledStream, SpoolLimits, Stored
from listen_sinks.voicemail.spool.open_message import Beginning

MONO = AudioFormat(8000, "mono")
STEREO = AudioFormat(8000, "stereo")
MAILBOX = "01K00000000000000000000000"
PUBLIC, _RAW = new_pair(MAILBOX, 1)
PRIVATE = PrivateKey(MAILBOX, 1, PUBLIC.kem, _RAW)
NO_LIMITS = SpoolLimits(write_interval=0.02, sync_interval=0.05, reserve=2**16, low_water=0)


def begin(
    audio: AudioFormat = MONO, *, message: str | None = None, key: PrivateKey = PRIVATE, **note: Any
) -> Beginning:
    """Prepare a message as the sink does."""
    name = message or str(ULID())
    public = key.public
    message_key = new_message_key()
    header = Header(name, 0, MAILBOX, 1, audio.sample_rate, audio.channels)
    begun = Note(
        message=name,
        part=0,
        mailbox=MAILBOX,
        key_version=1,
        kem=public.kem,
        envelope=seal_message_key(message_key, public, name, 0),
        format=audio,
        started_at=datetime.now(UTC),
        values={"meta": seal(message_key, "meta", value_context(name, 0), b"first")},
    )
    return Beginning(replace(begun, **note), BodyWriter(message_key, header), message_key)


def ended(state: Any = "complete", reason: str = "closed by the peer") -> End:
    """Make the end of a message."""
    return End(state, reason, datetime.now(UTC))


@dataclass(frozen=True)
class Opened:
    """What a stored message says to who has the private key."""

    ending: str
    audio: AudioBlock = field(repr=False)  # (channels, frames)
    damaged: tuple[int, ...]
    values: dict[str, bytes] = field(repr=False)


def opened(stored: Stored, key: PrivateKey = PRIVATE) -> Opened:
    """Open a message with the private key."""
    data = b"".join(stored.object_().blocks())
    note = stored.note
    message_key = key.open_envelope(note.envelope, note.message, note.part)
    reader = BodyReader(
        lambda offset, length: data[offset : offset + length],
        len(data),
        message_key,
        message=note.message,
        part=note.part,
        tails=split_tails(stored.tails()),
    )
    found = reader.salvage(0, reader.length)
    whole = len(found.plain) - len(found.plain) % note.format.frame_bytes
    context = value_context(note.message, note.part)
    labels: Any = list(stored.values)
    values = {name: unseal(message_key, name, context, stored.values[name]) for name in labels}
    audio = deinterleave(found.plain[:whole], note.format.channels)
    return Opened(reader.ending, audio, found.damaged, values)


async def reopened(stored: Stored) -> Opened:
    """Open a message, off the event loop."""
    return await asyncio.to_thread(opened, stored)


def noise(seconds: float, audio: AudioFormat = MONO, seed: int = 1) -> AudioBlock:
    """Make samples that repeat nowhere, shape (channels, frames), int16."""
    frames = round(seconds * audio.sample_rate)
    random = np.random.default_rng(seed)
    return random.integers(-32768, 32768, (audio.channels, frames), np.int16)


@asynccontextmanager
async def spooling(
    directory: Path, *, disk: Disk | None = None, limits: SpoolLimits = NO_LIMITS
) -> AsyncIterator[tuple[Spool, list[Stored]]]:
    """Open a spool for as long as the block lasts; with it comes what it recovered."""
    spool = Spool(directory, limits, disk)
    recovered = await spool.open()
    try:
        yield spool, recovered
    finally:
        await spool.stop()
        await spool.close()


async def feed(stream: SpooledStream, blocks: Sequence[AudioBlock], pause: float = 0.0) -> None:
    """Give blocks to a message."""
    for block in blocks:
        stream.put(block)
        if stream.behind:
            await stream.catch_up()
        await asyncio.sleep(pause)


async def stored(spool: Spool, audio: AudioBlock, format_: AudioFormat = MONO) -> Stored:
    """Take a whole message into a spool."""
    stream = await spool.begin(partial(begin, format_))
    await feed(stream, [audio])
    kept, problem = await stream.end(ended(), lambda: b"last")
    assert problem is None
    return kept


def files_below(folder: Path) -> set[str]:
    """Name every file below a folder, but for locks."""
    return {path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock"}

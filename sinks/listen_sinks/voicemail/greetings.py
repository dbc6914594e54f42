"""Greetings: audio that is given becomes a sealed message, and a mailbox is told to use it.

    samples -> sealed -> store -> index -> (named in the mailbox's settings; the one before erased)

A greeting that is recorded on a call comes through sink.py instead. Nothing plain touches a disk.
"""

import asyncio
import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ulid import ULID

from listen_codecs.formats import SAMPLE_RATES, AudioBlock, AudioFormat
from listen_codecs.pcm import interleave
from listen_codecs.peaks import PeakCollector
from listen_codecs.resampling import resample
from listen_sinks.description import encode
from listen_sinks.objects import ObjectsAway, ObjectStore
from listen_sinks.voicemail.beginning import FIRST_PART, VERSION
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import (
    IndexAway,
    OnHold,
    UnknownMailbox,
    UnknownMessage,
)
from listen_sinks.voicemail.index.greetings import Which, name_greeting
from listen_sinks.voicemail.index.mailbox_keys import newest_key
from listen_sinks.voicemail.index.records import ObjectRange, Receipt, ShippedPart
from listen_sinks.voicemail.index.shipping import record_shipped
from listen_sinks.voicemail.keys import PublicKey, seal_message_key
from listen_sinks.voicemail.labels import part_name, value_context
from listen_sinks.voicemail.lsv1 import BodyWriter, Header, new_message_key
from listen_sinks.voicemail.outline import BUCKETS, encode_outline
from listen_sinks.voicemail.removing import remove_objects
from listen_sinks.voicemail.resealing import InMemory
from listen_sinks.voicemail.sealed import Label, seal

__all__ = ["LONGEST", "Which", "keep_greeting", "set_greeting"]

LONGEST: Final = 600.0
"""Seconds of a greeting: all of it is in memory while it is sealed."""
_RATE: Final = 16_000  # Hz, for audio at a rate that messages do not have
_PATIENCE: Final = 50.0  # seconds: a key that is replaced meanwhile stays for longer than that
_BLOCK: Final = 2**16  # frames


async def keep_greeting(
    database: Database,
    objects: ObjectStore,
    mailbox: str,
    samples: AudioBlock,
    sample_rate: int,
    *,
    ticket: str | None = None,
) -> str:
    """Seal a greeting to a mailbox; return its message id. `set_greeting` makes it heard.

    Samples have the shape (1, frames), int16; at a rate in Hz that messages do not have they are
    resampled. Raises ValueError for other audio, UnknownMailbox, ObjectsAway, IndexAway: then
    there is no greeting, and at worst an object that `messages verify --all` calls an orphan.
    """
    block, form = await asyncio.to_thread(_taken, samples, sample_rate)
    message = str(ULID())
    try:
        async with asyncio.timeout(_PATIENCE):
            to = await newest_key(database, mailbox)
            part, source = await asyncio.to_thread(_sealed, message, to, block, form, ticket)
            await objects.put(part.ranges[0].name, source)
            recorded = await record_shipped(database, part)
    except TimeoutError:
        raise ObjectsAway("the greeting was not stored in time") from None
    if recorded == "erased":
        await objects.delete(part.ranges[0].name)
        raise UnknownMailbox(f"there is no mailbox {mailbox} any more")
    return message


async def set_greeting(
    database: Database,
    erasures: Erasures,
    objects: ObjectStore,
    mailbox: str,
    which: Which,
    message: str | None,
    *,
    actor: str = "operator",
) -> Receipt | None:
    """Let callers of a mailbox hear a greeting, or none of this kind; erase the one before.

    Return the receipt of that, if there was one. One that cannot be erased now goes with
    housekeeping, when no legal hold is on it (any more). Raises UnknownMailbox, UnknownMessage if
    the mailbox has no such message, WrongState if it is no greeting, IndexAway: nothing is set.
    """
    tenant, before = await name_greeting(database, mailbox, which, message)
    receipt = None
    if before is not None:
        with suppress(UnknownMessage, OnHold, IndexAway):
            receipt = await erase_message(erasures, tenant, before, actor=actor)
    if receipt is not None:
        with suppress(ObjectsAway, IndexAway):
            await remove_objects(erasures, objects, receipt)
    return receipt


def _taken(samples: AudioBlock, sample_rate: int) -> tuple[AudioBlock, AudioFormat]:
    """Return the samples, and their format. Raises ValueError."""
    if samples.ndim != 2 or samples.shape[0] != 1 or samples.dtype.name != "int16":  # noqa: PLR2004 - channels, frames
        raise ValueError("a greeting has one channel of 16-bit samples")
    if not 0 < samples.shape[1] <= LONGEST * sample_rate:
        raise ValueError(f"a greeting is not empty, and lasts no longer than {LONGEST:g} s")
    if sample_rate not in SAMPLE_RATES:
        samples, sample_rate = resample(samples, sample_rate, _RATE), _RATE
    return samples, AudioFormat(sample_rate, "mono")


def _sealed(
    message: str, to: PublicKey, block: AudioBlock, form: AudioFormat, ticket: str | None
) -> tuple[ShippedPart, InMemory]:
    key, frames, now = new_message_key(), block.shape[1], datetime.now(UTC)
    header = Header(message, FIRST_PART, to.mailbox, to.version, form.sample_rate, form.channels)
    writer, collected = BodyWriter(key, header), PeakCollector(BUCKETS)
    written = [writer.prefix]
    for at in range(0, frames, _BLOCK):
        collected.feed(block[:, at : at + _BLOCK])
        written.append(writer.update(interleave(block[:, at : at + _BLOCK])))
    data = b"".join([*written, writer.finalize()])
    meta = encode(_document(message, now, form))
    plain: dict[Label, bytes] = {"meta": meta, "peaks": encode_outline(collected)}
    context = value_context(message, FIRST_PART)
    part = ShippedPart(
        message=message,
        part=FIRST_PART,
        mailbox=to.mailbox,
        key_version=to.version,
        envelope=seal_message_key(key, to, message, FIRST_PART),
        format=form,
        started_at=now,
        ended_at=now + timedelta(seconds=form.seconds(frames)),
        outcome="complete",
        reason="uploaded",
        frames=frames,
        size=len(data),
        digest=hashlib.sha256(data).digest(),
        ranges=(ObjectRange(part_name(to.mailbox, message, FIRST_PART), 0, len(data)),),
        values={label: seal(key, label, context, value) for label, value in plain.items()},
        ticket=ticket,
        kind="greeting",
    )
    return part, InMemory(data)


def _document(message: str, now: datetime, form: AudioFormat) -> dict[str, Any]:
    """Say what a message's metadata says, of what was no call."""
    return {
        "version": VERSION,
        "stream_id": message,
        "started_at": now.isoformat(),
        "sample_rate": form.sample_rate,
        "mix": form.mix,
        "call": {},
        "metadata": {},
        "gaps": [],
        "events": [],
        "flags": [],
        "notes": ["uploaded"],
    }

"""A part of a message written anew without a range of time: another key, another salt.

redacting.py puts it in the place of the old one; silencing.py says what goes.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import interleave
from listen_codecs.peaks import PeakCollector
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.index.records import ObjectRange, Part, ShippedPart
from listen_sinks.voicemail.keys import PublicKey, seal_message_key
from listen_sinks.voicemail.labels import part_name, value_context
from listen_sinks.voicemail.lsv1 import BodyWriter, Header, new_message_key
from listen_sinks.voicemail.outline import BUCKETS, encode_outline
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.sealed import Label, seal
from listen_sinks.voicemail.silencing import Span, silenced, without_keys, without_words

_WORDS: Final[tuple[Label, ...]] = ("transcript", "words")


class NotRedacted(Exception):  # noqa: N818 - a finding: the message is as it was
    """The range cannot be taken out of this message. The sentences say why."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Old:
    """A part that goes, and the range as seen from its first sample."""

    part: Part
    audio: Playback | None  # None: it has words only
    span: Span
    values: Mapping[str, bytes] = field(repr=False)  # in the clear


@dataclass(frozen=True, slots=True)
class InMemory:
    """An object to be put into the store, sealed."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return len(self.data)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Read them."""
        return (self.data[at : at + size] for at in range(0, len(self.data), size))


async def written_anew(
    message: str, mailbox: str, number: int, to: PublicKey, old: Old
) -> tuple[ShippedPart, InMemory]:
    """Return part `number`, made of an old one, and its object. Raises NotRedacted, ObjectsAway."""
    key = new_message_key()
    data, plain = b"", _left(old.values, old.span)
    if old.audio is not None:
        rate, channels = old.audio.sample_rate, old.audio.channels
        header = Header(message, number, to.mailbox, to.version, rate, channels)
        data, plain["peaks"] = await _sealed(old.audio, BodyWriter(key, header), old.span)
    context = value_context(message, number)
    ranges = (ObjectRange(part_name(mailbox, message, number), 0, len(data)),)
    part = ShippedPart(
        message=message,
        part=number,
        mailbox=to.mailbox,
        key_version=to.version,
        envelope=seal_message_key(key, to, message, number),
        format=old.part.format,
        started_at=old.part.started_at,
        ended_at=old.part.ended_at,
        outcome=old.part.outcome,
        reason=old.part.reason,
        frames=old.audio.frames if old.audio else 0,
        size=len(data),
        digest=hashlib.sha256(data).digest(),
        ranges=ranges if data else (),
        values={label: seal(key, label, context, value) for label, value in plain.items()},
    )
    return part, InMemory(data)


def refuse(message: str, findings: Sequence[Finding]) -> None:
    """Raise NotRedacted for what does not open whole: what is lost would be sealed in."""
    if findings:
        told = (f"message {message}, {finding}" for finding in findings)
        raise NotRedacted(*told, "nothing was changed: only what opens whole can be redacted")


async def _sealed(audio: Playback, writer: BodyWriter, span: Span) -> tuple[bytes, bytes]:
    """Return the object with zeros in the range, and its outline."""
    frames = span.frames(audio.sample_rate)
    collected, written, at = PeakCollector(BUCKETS), [writer.prefix], 0

    def take(block: AudioBlock, at: int) -> None:
        left = silenced(block, at, frames)
        collected.feed(left)
        written.append(writer.update(interleave(left)))

    async for block in audio.blocks():
        await asyncio.to_thread(take, block, at)
        at += block.shape[1]
    refuse(audio.message, audio.findings)  # damage shows when it is met
    written.append(writer.finalize())
    return b"".join(written), encode_outline(collected)


def _left(values: Mapping[str, bytes], span: Span) -> dict[Label, bytes]:
    """Return what stays of the words; what cannot be read is gone whole."""
    left: dict[Label, bytes] = {}
    with suppress(ValueError, TypeError, AttributeError):
        if "meta" in values:
            left["meta"] = without_keys(values["meta"], span)
    for label in _WORDS:
        with suppress(ValueError):
            if label in values:
                left[label] = without_words(values[label], span)
    return left

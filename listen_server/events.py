"""What a listen conversation says, as values. protocol.py makes them, stream.py acts on them.

Events that sinks see as they are (`DtmfPressed`, `MarkReached` ...) live in `listen_sinks.api`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.api import (
    DtmfPressed,
    MarkReached,
    MetadataArrived,
    MetadataQuality,
    PlaybackDone,
    SummaryReceived,
)


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The format is known, by metadata or for want of it; audio can follow."""

    format: AudioFormat
    quality: MetadataQuality
    attributes: Mapping[str, Any] = field(repr=False)
    flags: tuple[str, ...] = ()
    """What had to be assumed, in words of ours: `sample rate assumed`, `mix assumed`."""


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """Samples of shape (channels, frames), int16, read-only, never empty."""

    block: AudioBlock = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextIgnored:
    """Text that says nothing to us. Counted by cause; its words are nobody's business."""

    cause: Literal["not JSON", "not an object", "unknown kind", "too long"]


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The connection is over. Nothing comes after this."""

    clean: bool  # close code 1000, the only one that jambonz sends
    flags: tuple[str, ...] = ()


Event: TypeAlias = (
    CallStarted
    | AudioReceived
    | DtmfPressed
    | PlaybackDone
    | MarkReached
    | SummaryReceived
    | MetadataArrived
    | TextIgnored
    | CallEnded
)

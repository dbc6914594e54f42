"""The whole contract between the server and a sink. Everything a sink author needs is here.

    SinkPlugin.open -> SinkPlugin.sink(call) -> Sink.start -> Sink.audio ... -> Sink.finish

A plugin lives as long as the server, a sink as long as one stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict

from listen_codecs.formats import AudioBlock, AudioFormat

MetadataQuality: TypeAlias = Literal["exact", "lenient", "missing"]
"""How the first text frame was read: as JSON, as what was left of it, or not at all."""

WhenFull: TypeAlias = Literal["drop_oldest", "fail"]
"""What a full queue does to its sink: loses its oldest audio, or ends it."""


# What happens in a stream besides audio ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DtmfPressed:
    """A key of the caller's phone. May be part of a card number or a PIN: handle with care."""

    digit: str = field(repr=False)
    duration: float | None  # seconds


@dataclass(frozen=True, slots=True)
class PlaybackDone:
    """Audio sent with `CallControl.play_audio` has been played, or was killed."""

    playback_id: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class MarkReached:
    """A mark was played past, or cleared before it was."""

    name: str
    cleared: bool


@dataclass(frozen=True, slots=True)
class SummaryReceived:
    """jambonz's own account of the session, sent by newer servers at its end."""

    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetadataArrived:
    """Metadata that came after the stream had to start without; the format stays."""

    attributes: Mapping[str, Any] = field(repr=False)
    quality: MetadataQuality


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio that is not there: a pause, an overrun at jambonz, or this sink's own full queue.

    The samples before and after it are adjacent in what a sink receives: nothing is filled in.
    """

    at: float  # seconds of received audio before it
    seconds: float  # that are missing
    reason: Literal["not received", "sink too slow", "paused"]


StreamEvent: TypeAlias = (
    DtmfPressed | PlaybackDone | MarkReached | SummaryReceived | MetadataArrived | Gap
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stream ended, and what it amounted to."""

    state: Literal["complete", "interrupted", "failed"]
    """complete: jambonz closed it, or we ended it on purpose. interrupted: the peer or this
    server vanished. failed: this sink could not go on (the stream itself may have)."""
    reason: str  # a short phrase of ours, never the peer's words
    ended_at: datetime  # UTC
    frames: int  # received; 0 where there was no audio
    seconds: float  # of audio received
    gaps: tuple[Gap, ...] = ()
    flags: tuple[str, ...] = ()
    """What was odd about the stream, in words of ours: `rate mismatch`, `odd last byte` ..."""


# The way back to jambonz ---------------------------------------------------------------------


class CallControl(Protocol):
    """Commands to the jambonz end of this stream. Safe to call from any sink at any time.

    Each raises ControlError when jambonz would not survive or take the command, and does
    nothing once the stream has ended.
    """

    async def disconnect(self) -> None:
        """End the listen verb; the call goes on with the next one."""

    async def play_audio(
        self, block: AudioBlock, sample_rate: int, *, playback_id: str, queue: bool = False
    ) -> None:
        """Play samples of shape (1, frames), int16, to the caller; `PlaybackDone` follows.

        `queue` appends to what is playing (at most ten wait); without it, it replaces it.
        Needs `bidirectionalAudio` enabled in the verb, and not streaming.
        """

    async def kill_audio(self) -> None:
        """Stop what is playing. jambonz goes on with what is queued, if anything is."""

    async def mark(self, name: str) -> None:
        """Ask to be told when the audio sent so far has been played (streaming only)."""

    async def clear_marks(self) -> None:
        """Forget all marks. jambonz documents that each comes back as cleared; not all do."""


# A stream as a sink sees it ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One listen stream. Several can belong to one phone call: `call_sid` is a label, not a key.

    Everything below `control` is what jambonz said, and user metadata can lie about all of it;
    `tenant`, `stream_id` and `granted` are ours.
    """

    stream_id: str  # ULID made by this server: unique, sortable by start, safe in file names
    tenant: str  # from the credential, never from the metadata
    route: str  # the configured route, such as "/record/{vendor}"
    path_params: Mapping[str, str] = field(repr=False)
    started_at: datetime  # UTC
    format: AudioFormat
    metadata_quality: MetadataQuality
    control: CallControl = field(repr=False)
    call_sid: str | None = field(default=None, repr=False)
    parent_call_sid: str | None = field(default=None, repr=False)
    account_sid: str | None = field(default=None, repr=False)
    application_sid: str | None = field(default=None, repr=False)
    direction: str | None = field(default=None, repr=False)
    from_number: str | None = field(default=None, repr=False)
    to_number: str | None = field(default=None, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole first text frame: call attributes and the verb's `metadata`, flat as sent."""
    granted: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What this server itself says of the stream, and nobody else can: it has sent the caller here
    with a pass. `mailbox` and `ticket` are ULIDs, `kind` is `message` or `greeting`; empty without
    a pass."""


class Sink:
    """One sink serves one stream: started once, fed in order, finished once.

    After a `start` that did not raise, `finish` comes exactly once and last, with
    `outcome.state == "failed"` if a method of this sink raised or took too long. A sink that
    raises leaves the stream; the other sinks stay and notice nothing. No method is called
    before the one before it has returned. Override what you care about.
    """

    async def start(self, call: Call) -> None:
        """Get ready for this stream. Raise to decline it."""

    async def audio(self, block: AudioBlock) -> None:
        """Take samples of shape (channels, frames), int16, read-only, never empty."""

    async def event(self, event: StreamEvent, at: float) -> None:
        """Take what happened after `at` seconds of received audio."""

    async def finish(self, outcome: Outcome) -> None:
        """Bring to an end what `start` began. All audio that will ever come has come."""


class NoConfig(BaseModel):
    """The configuration of a sink that has none: every key in its table is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What the server gives to a plugin besides its configuration."""

    name: str  # of the sink in the configuration: two sinks may use one plugin
    data_dir: Path  # everything that a sink keeps lies below it


class SinkPlugin:
    """What an entry point in the group `listen_server.sinks` names: a maker of sinks.

    Made once from its configuration, opened before the server is ready, closed after the last
    stream has finished. The class attributes are defaults that a configuration can override.
    """

    Config: ClassVar[type[BaseModel]] = NoConfig
    queue_seconds: ClassVar[float] = 10.0  # of audio that may wait for a slow sink
    when_full: ClassVar[WhenFull] = "drop_oldest"
    timeout: ClassVar[float] = 30.0  # seconds that a method but `finish` may take
    finish_timeout: ClassVar[float] = 300.0  # seconds

    def __init__(self, config: Any, context: SinkContext) -> None:
        self.config = config
        self.context = context

    async def open(self) -> None:
        """Get ready before the first stream; finish what an earlier process left behind."""

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream. Do nothing slow here: that is for `Sink.start`."""
        raise NotImplementedError

    def unavailable(self) -> str | None:
        """Return why no new call should come now, in a few words, or None.

        Asked for every call and every readiness probe: answer at once, from memory.
        """
        return None

    async def close(self) -> None:
        """Let go of everything. No sink of this plugin is alive any more."""


WhatWaits: TypeAlias = Literal["spool", "transcript"]
"""Finished, and not yet in its store; kept, and not yet understood. No label but these."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much there is of what is not yet where it belongs."""

    count: int
    size: int  # bytes
    oldest: datetime | None  # when the longest of it began to wait, with its zone; None: nothing


@runtime_checkable
class Waits(Protocol):
    """A plugin that can say what waits in it for something that may be away: a store, an engine."""

    async def waiting(self) -> Mapping[WhatWaits, Waiting]:
        """Return it by what it waits for.

        Asked a few times a minute. May raise: then the figures stay what they were.
        """


class SinkError(Exception):
    """A sink could not do its work. The sentence is for the operator's log."""


class ControlError(Exception):
    """A command that jambonz would not survive or not take. Nothing was sent."""


ENTRY_POINT_GROUP: Final = "listen_server.sinks"

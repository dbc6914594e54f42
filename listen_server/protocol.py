"""The listen protocol: what jambonz says, as events. This room does no IO and has no clock.

    CONNECTED --metadata, or a reason to go without--> STREAMING --disconnect--> ENDED

The driver (endpoint.py) feeds every message in, in order, and acts on what comes out.
Source: jambonz mod_audio_fork (lws_glue.cpp, audio_pipe.cpp) and feature-server listen.js.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

from listen_codecs.demux import Demux
from listen_codecs.formats import AudioBlock, AudioFormat
from listen_server.errors import MessageTooLarge
from listen_server.events import AudioReceived, CallEnded, CallStarted, Event, TextIgnored
from listen_server.metadata import MAX_TEXT, Metadata, format_of, json_values, label, read_metadata
from listen_sinks.api import (
    DtmfPressed,
    MarkReached,
    MetadataArrived,
    PlaybackDone,
    SummaryReceived,
)

MAX_MESSAGE: Final = 2 * 1024 * 1024  # bytes; jambonz's largest is 1.28 MB
MAX_HELD: Final = 1_280_000  # bytes of audio that wait for the metadata: jambonz's largest frame
DTMF_RATE: Final = 8000  # Hz; the unit of a key's duration, whatever the stream's rate


class _State(enum.Enum):
    CONNECTED = enum.auto()
    STREAMING = enum.auto()
    ENDED = enum.auto()


class ListenProtocol:
    """One websocket connection's worth of listen conversation."""

    def __init__(
        self, default: AudioFormat, *, max_message: int = MAX_MESSAGE, max_held: int = MAX_HELD
    ) -> None:
        self._default = default
        self._max_message = max_message
        self._max_held = max_held
        self._state = _State.CONNECTED
        self._held = bytearray()
        self._demux = Demux(default)
        self._metadata_seen = False

    @property
    def waiting_for_metadata(self) -> bool:
        """Whether audio is held back until the format is known."""
        return self._state is _State.CONNECTED and bool(self._held)

    @property
    def is_streaming(self) -> bool:
        """Whether the format is known, and audio is handed on as it comes."""
        return self._state is _State.STREAMING

    def receive_text(self, text: str) -> list[Event]:
        """Take a text frame of any length and content."""
        self._check(len(text))
        if self._state is _State.CONNECTED:
            return self._first_text(text)
        return self._later_text(text)

    def receive_bytes(self, data: bytes) -> list[Event]:
        """Take a binary frame: any size, odd or empty (a flush hint, never the end).

        Raises MessageTooLarge for what jambonz cannot have sent.
        """
        if self._state is _State.STREAMING:
            block = self.receive_audio(data)
            return [AudioReceived(block)] if block.size else []
        self._check(len(data))
        self._held += data
        return self.start_without_metadata() if len(self._held) > self._max_held else []

    def receive_audio(self, data: bytes) -> AudioBlock:
        """Do what `receive_bytes` does, once `is_streaming`: there is nothing but audio then."""
        self._check(len(data))
        return self._demux.feed(data)

    def start_without_metadata(self) -> list[Event]:
        """Stop waiting for metadata and go on with the route's default format."""
        if self._state is not _State.CONNECTED:
            return []
        return self._start(Metadata("missing"))

    def disconnected(self, *, clean: bool) -> list[Event]:
        """End the conversation; `clean` means close code 1000."""
        if self._state is _State.ENDED:
            return []
        events: list[Event] = self.start_without_metadata() if self._held else []
        self._state = _State.ENDED
        flags = ("odd last byte",) if self._demux.pending else ()
        return [*events, CallEnded(clean=clean, flags=flags)]

    def _check(self, size: int) -> None:
        if self._state is _State.ENDED:
            raise RuntimeError("the conversation has ended")
        if size > self._max_message:
            raise MessageTooLarge(size, self._max_message)

    def _first_text(self, text: str) -> list[Event]:
        metadata = read_metadata(text)
        if _known_kind(metadata.attributes):  # no metadata was set, and something else came first
            return [*self.start_without_metadata(), *self._later_text(text)]
        self._metadata_seen = metadata.quality != "missing"
        events = self._start(metadata)
        if not self._metadata_seen:
            events.append(TextIgnored(_why_unread(text)))
        return events + (self._later_text(metadata.rest) if metadata.rest else [])

    def _start(self, metadata: Metadata) -> list[Event]:
        chosen, flags = format_of(metadata.attributes, self._default)
        self._state = _State.STREAMING
        self._demux = Demux(chosen)
        held, self._held = bytes(self._held), bytearray()
        return [
            CallStarted(chosen, metadata.quality, metadata.attributes, flags),
            *self.receive_bytes(held),
        ]

    def _later_text(self, text: str) -> list[Event]:
        if len(text) > MAX_TEXT:
            return [TextIgnored("too long")]
        events: list[Event] = []
        try:
            for value in json_values(text):
                events.append(self._understood(value))  # noqa: PERF401 - what came before a fault stays
        except ValueError:
            if not self._metadata_seen and (late := read_metadata(text)).attributes:
                events.append(self._late_metadata(late))
            else:
                events.append(TextIgnored("not JSON"))
        return events

    def _understood(self, value: object) -> Event:
        if not isinstance(value, dict):
            return TextIgnored("not an object")
        read = _known_kind(value)
        if read is not None:
            return read(value)
        if not self._metadata_seen and not ({"type", "event"} & value.keys()):
            return self._late_metadata(Metadata("exact", value))
        return TextIgnored("unknown kind")

    def _late_metadata(self, metadata: Metadata) -> Event:
        self._metadata_seen = True
        return MetadataArrived(metadata.attributes, metadata.quality)


def _why_unread(text: str) -> Any:
    if len(text) > MAX_TEXT:
        return "too long"
    try:
        return "not an object" if list(json_values(text)) else "not JSON"
    except ValueError:
        return "not JSON"


def _known_kind(value: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Event] | None:
    """Return the reader of a later message; metadata has none, whatever its user put into it."""
    if "sampleRate" in value or "callSid" in value:
        return None
    if value.get("event") == "dtmf":
        return _dtmf
    kind = value.get("type")
    return _READERS.get(kind) if isinstance(kind, str) else None


def _dtmf(value: Mapping[str, Any]) -> Event:
    digit = value.get("dtmf")
    if not isinstance(digit, str) or len(digit) != 1 or digit not in "0123456789*#ABCDabcd":
        return TextIgnored("unknown kind")
    samples = _number(value.get("duration"))
    return DtmfPressed(digit, None if samples is None else samples / DTMF_RATE)


def _playback_done(value: Mapping[str, Any]) -> Event:
    data = _data(value)
    milliseconds = _number(data.get("playbackMilliseconds"))
    return PlaybackDone(label(data, "id"), None if milliseconds is None else milliseconds / 1000)


def _mark(value: Mapping[str, Any]) -> Event:
    data = _data(value)
    name = label(data, "name")
    if name is None:
        return TextIgnored("unknown kind")
    return MarkReached(name, cleared=data.get("event") == "cleared")


def _summary(value: Mapping[str, Any]) -> Event:
    return SummaryReceived(_data(value))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Event]]] = {
    "playDone": _playback_done,
    "mark": _mark,
    "session:summary": _summary,
}


def _data(value: Mapping[str, Any]) -> Mapping[str, Any]:
    data = value.get("data")
    return data if isinstance(data, dict) else {}


def _number(value: object) -> float | None:
    """Return a bounded number, which jambonz spells as a string."""
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= len("9" * 9)
    ):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return float(value)
    return None

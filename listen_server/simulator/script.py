"""What happens in a simulated call, and when. live.py plays it against a server."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from listen_codecs.formats import AudioFormat
from listen_server.simulator.attributes import Kind, call_attributes, opening_text
from listen_server.simulator.pipe import PACKET_SECONDS

KEYS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the caller's phone, pressed at some second of the call's audio."""

    digit: str
    at: float  # seconds
    samples: int = 1600  # how long, at 8 kHz

    def text(self) -> str:
        """Return the text frame of a verb with `passDtmf`; the duration is a string there."""
        event = {"event": "dtmf", "dtmf": self.digit, "duration": str(self.samples)}
        return json.dumps(event, separators=(",", ":"))


class Pause(NamedTuple):
    """A stretch of the call in which nothing is sent, and of which nothing is sent later."""

    start: float  # seconds
    end: float  # seconds


class Tick(NamedTuple):
    """One packet's time: the texts that go first, then the audio, if any."""

    at: float  # seconds
    texts: list[str]
    audio: memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One call: its audio as it goes over the wire, and everything that happens besides.

    Times are seconds of the call's audio, whatever the speed. Raises ValueError, with a
    sentence, for what cannot be played.
    """

    format: AudioFormat
    pcm: bytes = field(repr=False)  # interleaved s16le
    opening: bytes | None = field(default=None, repr=False)  # the first text; None: there is none
    keys: tuple[Key, ...] = ()
    pauses: tuple[Pause, ...] = ()
    abort_at: float | None = None
    abort_by: Literal["fin", "reset"] = "fin"  # a crashed process, a crashed machine
    speed: float = 1.0  # times real time; 0 is as fast as the server takes it
    burst: float = 0.0  # seconds of audio that gathered while the connection was made
    join_texts: bool = False  # texts of one moment in one frame, as older servers do
    buffer_seconds: int = 2  # MOD_AUDIO_FORK_BUFFER_SECS
    resampled: bool = False  # the codec has another rate: another rule at an overrun
    streaming_rate: int | None = None  # Hz: bidirectionalAudio with streaming

    def __post_init__(self) -> None:
        if faults := list(self._faults()):
            raise ValueError("; ".join(faults))

    @property
    def seconds(self) -> float:
        """How long the audio lasts."""
        return self.format.seconds(len(self.pcm) // self.format.frame_bytes)

    def ticks(self) -> Iterator[Tick]:
        """Yield the call packet by packet; the last packet is as short as the audio ends.

        After it comes a tick with no audio for what falls on the very end.
        """
        step = round(self.format.sample_rate * PACKET_SECONDS) * self.format.frame_bytes
        texts = self._texts()
        paused = {tick for pause in self.pauses for tick in range(*map(tick_of, pause))}
        whole = memoryview(self.pcm)
        last = tick_of(self.seconds)
        for number in range(last + 1):
            audio = whole[:0] if number in paused else whole[number * step : (number + 1) * step]
            yield Tick(number * PACKET_SECONDS, texts.get(number, []), audio)

    def _texts(self) -> dict[int, list[str]]:
        by_tick: dict[int, list[str]] = {}
        for key in sorted(self.keys, key=lambda key: key.at):
            by_tick.setdefault(tick_of(key.at), []).append(key.text())
        if self.join_texts:
            return {tick: ["".join(texts)] for tick, texts in by_tick.items()}
        return by_tick

    def _faults(self) -> Iterator[str]:
        if len(self.pcm) % self.format.frame_bytes:
            yield f"{len(self.pcm)} bytes of audio are no whole number of samples"
        if not (self.speed >= 0 and math.isfinite(self.speed)):
            yield f"a speed of {self.speed} is not possible: 0 is as fast as can be, 1 real time"
        if self.buffer_seconds not in range(1, 6):
            yield f"jambonz buffers 1 to 5 seconds, not {self.buffer_seconds}"
        for key in self.keys:
            if key.digit not in KEYS or len(key.digit) != 1:
                yield f"there is no key {key.digit!r} on a phone, only {KEYS}"
        for pause in self.pauses:
            if pause.start >= pause.end:
                yield f"the pause {pause.start:g}-{pause.end:g} ends before it begins"
        for name, at in self._times():
            if not 0 <= at <= self.seconds:
                yield f"{name} at {at:g} s is outside the {self.seconds:g} s of audio"

    def _times(self) -> Iterator[tuple[str, float]]:
        for key in self.keys:
            yield f"key {key.digit}", key.at
        for pause in self.pauses:
            yield "the pause", pause.start
        if self.abort_at is not None:
            yield "the abort", self.abort_at
        yield "the end of the burst", self.burst


def tick_of(seconds: float) -> int:
    """Return the first packet that begins at this time or later."""
    return math.ceil(round(seconds / PACKET_SECONDS, 6))


def opening_for(
    audio_format: AudioFormat, metadata: Mapping[str, Any] | None = None, kind: Kind = "listen"
) -> bytes | None:
    """Return the first text of a fresh call of this kind, with the verb's metadata on top."""
    return opening_text(call_attributes(audio_format, kind), metadata or {})

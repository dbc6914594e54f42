"""One stream: its events into its sinks, its limits, its gaps, and the last word about it.

    endpoint --events--> Stream --FanOut[Buffered[sink]...]--> sinks

Nothing here waits: every sink has a queue of its own.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from ulid import ULID

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.levels import SilenceMeter
from listen_server.control import StreamControl
from listen_server.events import AudioReceived, CallEnded, CallStarted, Event, TextIgnored
from listen_server.gaps import GapMeter
from listen_server.live.calls import LiveCalls
from listen_server.metadata import label
from listen_server.plugins import ConfiguredSink
from listen_server.settings import RouteSettings
from listen_server.telemetry import Telemetry
from listen_sinks.api import Call, MarkReached, Outcome, PlaybackDone, StreamEvent
from listen_sinks.buffered import Buffered, Watcher
from listen_sinks.fanout import FanOut
from listen_sinks.transcript.voice import VoiceMeter

AHEAD = 2.0  # seconds before real time: more than what piles up while jambonz connects
HALF = 0.5  # of a sink's queue
MAX_SILENCE = 3600.0  # seconds that a caller's metadata may ask for
LEAST_SPOKEN = 0.3  # seconds before the silence: less is a tone's end or a click, and no word
SILENCE, ONLY_SILENCE = "silence", "nothing but silence"
"""Why we end a stream: somebody has stopped to speak, or never began."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stream came in: what is known of it before its first frame."""

    tenant: str
    account_sid: str | None  # of the credential
    route: str
    path_params: Mapping[str, str]
    settings: RouteSettings
    sinks: Sequence[ConfiguredSink]
    live: LiveCalls
    granted: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the stream's pass says, if it came with one."""


class Stream:
    """The life of one listen stream, from its first frame to its final record."""

    def __init__(
        self,
        origin: Origin,
        control: StreamControl,
        telemetry: Telemetry,
        *,
        silence_dbfs: float,
        clock: Callable[[], float],
        hang_up: Callable[[], None],
    ) -> None:
        self._hang_up = hang_up
        self.stream_id = str(ULID())
        self._origin = origin
        self._control = control
        self._telemetry = telemetry
        self._silence_dbfs = silence_dbfs
        self._clock = clock
        self._gaps = GapMeter()
        self._frames = 0
        self._flags: list[str] = []
        self._buffers: list[Buffered] = []
        self._call: Call | None = None
        self._silence: SilenceMeter | VoiceMeter | None = None
        self._silence_limit = 0.0
        self._is_ahead = False  # of real time, when audio last came
        self._much = 0  # bytes that are ahead of it if they come at once
        self.end_reason: str | None = None
        """Why we ended the stream on purpose, if we did."""

    async def handle(self, events: Sequence[Event]) -> None:
        """Act on what the protocol understood, in order. Never waits for a sink."""
        for event in events:
            match event:
                case AudioReceived(block=block):
                    self.audio(block)
                case CallStarted():
                    await self._start(event)
                case TextIgnored(cause=cause):
                    self._telemetry.ignored.labels(cause).inc()
                case CallEnded(flags=flags):
                    self._flags.extend(flags)
                case _:
                    await self._event(event)

    def audio(self, block: AudioBlock) -> None:
        """Take samples of shape (channels, frames), int16, of a call that has started."""
        assert self._call is not None  # noqa: S101 - the protocol starts a call before its audio
        frames = block.shape[1]
        seconds = self._call.format.seconds(frames)
        self._frames += frames
        self._telemetry.heard(seconds)
        now = self._clock()
        gap = self._gaps.received(seconds, now)
        self._is_ahead = self._gaps.ahead(now) > AHEAD
        for buffered in self._buffers:
            buffered.put(block)
        if gap is not None:
            for buffered in self._buffers:
                buffered.put_event(gap)
        if self._silence is not None:
            self._silence.feed(block)
            if self._silence.seconds >= self._silence_limit:
                spoken = self._call.format.seconds(self._frames) - self._silence.seconds
                self._silence = None
                self.end_reason = SILENCE if spoken >= LEAST_SPOKEN else ONLY_SILENCE
                self._hang_up()

    def should_rest(self, coming: int) -> bool:
        """Tell whether the peer, of whom so many bytes have come, may wait for a sink.

        Only one that is ahead of real time ever does: no live call, but whoever replays a file.
        """
        if not self._is_ahead and coming <= self._much:  # as nearly always
            return False
        if self._call is None:
            return False
        form = self._call.format
        frames = coming // form.frame_bytes
        seconds = form.seconds(frames)
        return self._gaps.ahead(self._clock()) + seconds > AHEAD and any(
            buffered.fullness > HALF or not buffered.has_room(frames) for buffered in self._buffers
        )

    async def finish(self, state: Literal["complete", "interrupted"], reason: str) -> None:
        """Give every sink the one outcome, and wait until the last one has taken it."""
        if self._call is None:
            return
        self._gaps.ended(self._clock())
        if self._gaps.rate_mismatch:
            self._flags.append("rate mismatch")
        outcome = Outcome(
            state="complete" if self.end_reason else state,
            reason=self.end_reason or reason,
            ended_at=datetime.now(UTC),
            frames=self._frames,
            seconds=self._call.format.seconds(self._frames),
            gaps=tuple(self._gaps.gaps),
            flags=tuple(self._flags),
        )
        self._origin.live.ended(self._call)
        self._telemetry.stream_ended(self._origin.route, self.stream_id, outcome)
        await self._sinks.finish(outcome)
        await asyncio.gather(*(buffered.wait() for buffered in self._buffers))
        self._telemetry.stream_left(self.stream_id)

    async def _start(self, started: CallStarted) -> None:
        attributes = started.attributes
        self._flags.extend(started.flags)
        self._call = call = self._describe(started)
        self._check_account(call)
        self._telemetry.stream_started(call)
        self._much = round(AHEAD * call.format.sample_rate) * call.format.frame_bytes
        names = [sink.name for sink in self._origin.sinks]
        self._origin.live.began(call, names, self._gaps.pausing)
        self._silence_limit = _silence_limit(attributes, self._origin.settings.end_on_silence)
        if self._silence_limit:
            self._silence = self._silence_meter(call.format)
        self._buffers = [
            buffered
            for sink in self._origin.sinks
            if (buffered := _buffered(sink, call, self._telemetry)) is not None
        ]
        self._sinks = FanOut(self._buffers)
        await self._sinks.start(call)

    def _silence_meter(self, form: AudioFormat) -> SilenceMeter | VoiceMeter:
        if self._origin.settings.silence == "voice":
            return VoiceMeter(form.sample_rate, form.channels)
        return SilenceMeter(form.sample_rate, threshold_dbfs=self._silence_dbfs)

    def _describe(self, started: CallStarted) -> Call:
        attributes = started.attributes
        return Call(
            stream_id=self.stream_id,
            tenant=self._origin.tenant,
            route=self._origin.route,
            path_params=self._origin.path_params,
            started_at=datetime.now(UTC),
            format=started.format,
            metadata_quality=started.quality,
            control=self._control,
            call_sid=label(attributes, "callSid"),
            parent_call_sid=label(attributes, "parentCallSid"),
            account_sid=label(attributes, "accountSid"),
            application_sid=label(attributes, "applicationSid"),
            direction=label(attributes, "direction"),
            from_number=label(attributes, "from"),
            to_number=label(attributes, "to"),
            attributes=attributes,
            granted=self._origin.granted,
        )

    def _check_account(self, call: Call) -> None:
        own = self._origin.account_sid
        if own is not None and call.account_sid not in (None, own):
            self._flags.append("account of another tenant")

    async def _event(self, event: StreamEvent) -> None:
        if isinstance(event, PlaybackDone | MarkReached):
            self._control.heard(event)
        if self._call is not None:
            await self._sinks.event(event, self._gaps.media)


def _silence_limit(attributes: Mapping[str, Any], default: float | None) -> float:
    """Return the silence that ends the stream, in seconds; 0 for never."""
    for key in ("end_on_silence", "endOnSilence"):
        value = attributes.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return min(float(value), MAX_SILENCE)
    return default or 0.0


def _buffered(sink: ConfiguredSink, call: Call, watcher: Watcher) -> Buffered | None:
    try:
        return Buffered(sink.name, sink.plugin.sink(call), sink.limits, watcher)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the others go on
        watcher.failed(sink.name, call.stream_id, "sink", error)
        return None

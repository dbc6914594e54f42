"""A sink that keeps streams in memory: the fake of tests, and an example to copy.

recording/ is its neighbour that keeps them on a disk.
"""

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Outcome, Sink, SinkContext, SinkPlugin, StreamEvent


class MemoryConfig(BaseModel):
    """`[sinks.memory]`: how much is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seconds: float = Field(default=600.0, gt=0)
    """Seconds of audio kept of one stream; what comes later is not kept."""
    events: int = Field(default=1000, ge=0)
    """Events kept of one stream."""
    streams: int = Field(default=100, ge=1)
    """Streams kept; a further one takes the place of the oldest."""


@dataclass(slots=True)
class MemoryRecording:
    """What came of one stream, in the order in which it came."""

    call: Call
    blocks: list[AudioBlock] = field(default_factory=list, repr=False)
    events: list[tuple[StreamEvent, float]] = field(default_factory=list, repr=False)
    """Each with the seconds of received audio before it."""
    outcome: Outcome | None = None
    frames: int = 0  # kept
    capped: bool = False
    """There was more than the configuration lets this sink keep."""

    @property
    def audio(self) -> AudioBlock:
        """All samples in one array of shape (channels, frames), int16."""
        nothing = np.empty((self.call.format.channels, 0), np.int16)
        return np.concatenate([nothing, *self.blocks], axis=1)


class Memory(SinkPlugin):
    """Keeps the streams of this process; `plugin.recordings[stream_id].audio` has the samples."""

    Config = MemoryConfig

    def __init__(self, config: MemoryConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        self.recordings: dict[str, MemoryRecording] = {}
        self.forgotten = 0  # streams that had to make room

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        del call
        return MemorySink(self, self.config)

    def keep(self, recording: MemoryRecording) -> None:
        """Add a recording, in the place of the oldest where there is no room."""
        self.recordings[recording.call.stream_id] = recording
        while len(self.recordings) > self.config.streams:
            del self.recordings[next(iter(self.recordings))]
            self.forgotten += 1


class MemorySink(Sink):
    """Keeps one stream."""

    def __init__(self, plugin: Memory, config: MemoryConfig) -> None:
        self._plugin = plugin
        self._config = config

    async def start(self, call: Call) -> None:
        """Begin an empty recording."""
        self._recording = MemoryRecording(call)
        self._most_frames = int(self._config.seconds * call.format.sample_rate)
        self._plugin.keep(self._recording)

    async def audio(self, block: AudioBlock) -> None:
        """Keep a block, shape (channels, frames), int16, as far as there is room."""
        room = self._most_frames - self._recording.frames
        if block.shape[1] > room:
            self._recording.capped = True
            block = block[:, :room]
        if block.size:
            self._recording.blocks.append(block)
            self._recording.frames += block.shape[1]

    async def event(self, event: StreamEvent, at: float) -> None:
        """Keep an event."""
        if len(self._recording.events) < self._config.events:
            self._recording.events.append((event, at))
        else:
            self._recording.capped = True

    async def finish(self, outcome: Outcome) -> None:
        """Keep how it ended."""
        self._recording.outcome = outcome

"""Audio kept until Google has told what was said in it. No IO here; engine.py sends it.

    add -> next ... -> heard -> next ...          a stream that goes well
                    -> rewind -> next ...         a new one: again what no final result covers

Positions are frames at the rate that Google gets, counted from the first of the engine's audio.
Each channel is covered for itself: what Google has finished of one channel is sent again as
silence where another needs it, so that no word comes twice.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from listen_codecs.formats import AudioBlock

PRE_ROLL: Final = 0.3
"""Seconds of silence kept before somebody speaks: a detector notices late."""
SETTLED: Final = 5.0
"""Seconds of silence in a channel after which Google has given its final result."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio of one request, (channels, frames): the very memory that came in."""

    start: int
    block: AudioBlock
    loud: bool
    """Somebody speaks, in any channel."""

    @property
    def frames(self) -> int:
        """How many there are."""
        return int(self.block.shape[1])

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + self.frames

    @property
    def data(self) -> bytes:
        """It as s16le, channels interleaved."""
        return self.block.T.astype("<i2").tobytes()


class HeldAudio:
    """What came in and is not covered, and how far the stream of the moment has got with it."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.end = 0  # frames that have come in
        self.sent = 0  # position of the stream of the moment
        self.covered = [0] * channels
        self._loud_until = [0] * channels
        self._silent = 0  # frames at the end of what was sent
        self._pre_roll = round(PRE_ROLL * sample_rate)
        self._chunks: deque[Chunk] = deque()
        self._next = 0  # index of the chunk to send

    @property
    def seconds(self) -> float:
        """How much is kept."""
        start = self._chunks[0].start if self._chunks else self.end
        return (self.end - start) / self.sample_rate

    @property
    def unsent(self) -> float:
        """Seconds that the stream of the moment has not got."""
        if not self.waiting:
            return 0.0
        return (self.end - self._chunks[self._next].start) / self.sample_rate

    @property
    def unanswered(self) -> float:
        """Seconds that were sent and may still get a final result."""
        return max(0, self.sent - min(self.covered)) / self.sample_rate

    @property
    def covered_seconds(self) -> float:
        """Seconds before which nothing is to be understood any more, in any channel."""
        return max(0, min(self.covered)) / self.sample_rate

    @property
    def silence(self) -> float:
        """Seconds of silence in all channels at the end of what was sent."""
        return self._silent / self.sample_rate

    @property
    def speech(self) -> bool:
        """Somebody spoke, in audio that is not covered."""
        return any(
            loud > covered for loud, covered in zip(self._loud_until, self.covered, strict=True)
        )

    @property
    def waiting(self) -> bool:
        """There is audio that the stream of the moment has not got."""
        return self._next < len(self._chunks)

    def add(self, block: AudioBlock, spoken: list[bool]) -> None:
        """Take audio, (channels, frames), and in which channels somebody speaks."""
        chunk = Chunk(self.end, block, any(spoken))
        self._chunks.append(chunk)
        self.end = chunk.end
        for channel, loud in enumerate(spoken):
            if loud:
                self._loud_until[channel] = chunk.end
        self._forget()

    def next(self) -> Chunk:
        """Return what to send next; only where `waiting`."""
        chunk = self._chunks[self._next]
        self._next += 1
        self.sent = chunk.end
        self._silent = 0 if chunk.loud else self._silent + chunk.frames
        first = max(self.covered)
        return chunk if first <= chunk.start else self._muted(chunk)

    def rewind(self) -> None:
        """Begin again with the oldest audio that is not covered, and not only silence."""
        speech = next((chunk.start for chunk in self._chunks if chunk.loud), 0)
        for channel in range(len(self.covered)):
            self._cover(channel, speech - self._pre_roll)
        self._forget()
        self._next = self._silent = 0
        self.sent = self._chunks[0].start if self._chunks else self.end

    def heard(self, channel: int, end: int) -> None:
        """Take note of a final result up to here; other channels may be silent since long."""
        self._cover(channel, min(end, self.sent))
        settled = end - round(SETTLED * self.sample_rate)
        for other, loud_until in enumerate(self._loud_until):
            if loud_until <= settled:
                self._cover(other, settled)
        self._forget()

    def heard_all(self) -> None:
        """Take note that Google has finished with all that was sent."""
        for channel in range(len(self.covered)):
            self._cover(channel, self.sent)
        self._forget()

    def _cover(self, channel: int, end: int) -> None:
        self.covered[channel] = max(self.covered[channel], end)

    def _forget(self) -> None:
        """Let go of what all channels have covered, and of silence after covered words."""
        for channel, loud_until in enumerate(self._loud_until):
            if loud_until <= self.covered[channel]:
                self._cover(channel, self.end - self._pre_roll)
        covered = min(self.covered)
        while self._chunks and self._chunks[0].end <= covered:
            self._chunks.popleft()
            self._next = max(0, self._next - 1)

    def _muted(self, chunk: Chunk) -> Chunk:
        block = chunk.block.copy()
        for channel, covered in enumerate(self.covered):
            block[channel, : max(0, covered - chunk.start)] = 0
        return Chunk(chunk.start, block, chunk.loud)

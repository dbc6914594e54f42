"""Audio of a message whose call is on, lent to the transcript sink: what its engine missed.

sink.py lends it for as long as the call lasts; ../transcript/source.py asks for it.
"""

from collections.abc import Iterator
from typing import Final

from listen_codecs.pcm import deinterleave
from listen_sinks.transcript.ring import Piece
from listen_sinks.voicemail.sealed import Refused
from listen_sinks.voicemail.spool import SpooledStream

MOST_GAPS: Final = 1000
"""Gaps that are remembered; what comes behind more of them is not lent."""


class OpenAudio:
    """The samples of one message, by their place in the stream.

    A message has no samples for what its sink's own queue lost, and the stream goes on counting.
    """

    __slots__ = ("_channels", "_end", "_lost", "_rate", "_stream")

    def __init__(self, stream: SpooledStream) -> None:
        self._stream = stream
        self._rate = stream.note.format.sample_rate
        self._channels = stream.note.format.channels
        self._lost = [(0, 0)]  # frames of the stream, from which on so many were lost before
        self._end: int | None = None  # of what is known of this

    def skip(self, at: float, seconds: float) -> None:
        """Take note of audio that never came here, at a second of the stream."""
        start, frames = round(at * self._rate), round(seconds * self._rate)
        if len(self._lost) <= MOST_GAPS:
            self._lost.append((start + frames, self._lost[-1][1] + frames))
        elif self._end is None:
            self._end = start

    async def read(self, start: int, stop: int) -> list[Piece]:
        """Return what is kept of these frames of the stream. Raises OSError."""
        found: list[Piece] = []
        for first, end, lost in self._ranges(start, stop):
            try:
                samples = await self._stream.samples(first - lost, end - lost)
            except Refused as error:
                raise OSError(str(error)) from None
            found += [
                Piece(one.start + lost, deinterleave(one.pcm, self._channels)) for one in samples
            ]
        return found

    def _ranges(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Cut a range of the stream at what was lost: from, to, and how many were lost before."""
        stop = stop if self._end is None else min(stop, self._end)
        for (begin, lost), (following, lost_then) in self._neighbours(stop):
            end = following - (lost_then - lost)  # where the next gap begins
            if max(start, begin) < min(stop, end):
                yield max(start, begin), min(stop, end), lost

    def _neighbours(self, stop: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        last = max(stop, self._lost[-1][0]), self._lost[-1][1]
        yield from zip(self._lost, [*self._lost[1:], last], strict=True)

"""The outline of audio, for a picture of it; levels.py has the numbers.

Peaks are int16 of shape (channels, buckets, 2): the smallest and the largest sample of each
bucket, which is what a waveform display draws as one vertical line.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock

Peaks: TypeAlias = NDArray[np.int16]

_BARS: Final = "▁▂▃▄▅▆▇█"
_QUIET: Final = 328  # -40 dBFS


def waveform_peaks(block: AudioBlock, buckets: int) -> Peaks:
    """Return the outline of (channels, frames), int16, in so many buckets of about equal length.

    With fewer frames than buckets, neighbours show the same sample; without any frame, all show
    zero. Raises ValueError for less than one bucket.
    """
    if buckets < 1:
        raise ValueError(f"an outline has at least one bucket, not {buckets}")
    channels, frames = block.shape
    if not frames:
        return np.zeros((channels, buckets, 2), np.int16)
    starts = np.arange(buckets) * frames // buckets
    return _outline(block, starts)


def _outline(block: AudioBlock, starts: NDArray[np.int64]) -> Peaks:
    # A start that equals the next one yields the sample there: what reduceat is documented to do.
    low = np.minimum.reduceat(block, starts, axis=1)
    high = np.maximum.reduceat(block, starts, axis=1)
    return np.stack([low, high], axis=2)


class PeakCollector:
    """Collect the outline of a stream of unknown length in bounded memory.

    Buckets begin at one frame; when there are `limit` of them, each two become one. How the
    stream is cut into blocks never changes the result.
    """

    def __init__(self, limit: int = 2000) -> None:
        """Keep fewer than `limit` full buckets, an even number from 2 on, and one growing."""
        if limit < 2 or limit % 2:  # noqa: PLR2004  # two become one
            raise ValueError(f"the limit is an even number from 2 on, not {limit}")
        self._limit = limit
        self._buckets: Peaks | None = None
        self._full = 0
        self._growing = 0  # frames in the bucket that is not full yet
        self.frames_per_bucket = 1

    @property
    def peaks(self) -> Peaks:
        """The outline so far: (channels, buckets, 2), int16, the last bucket perhaps not full."""
        if self._buckets is None:
            return np.zeros((1, 0, 2), np.int16)
        return self._buckets[:, : self._full + bool(self._growing)].copy()

    def feed(self, block: AudioBlock) -> None:
        """Take the next samples, (channels, frames), int16, any number of frames."""
        if self._buckets is None:
            self._buckets = np.zeros((block.shape[0], self._limit, 2), np.int16)
        start = 0
        while start < block.shape[1]:
            room = (self._limit - self._full) * self.frames_per_bucket - self._growing
            stop = min(block.shape[1], start + room)
            self._take(self._buckets, block[:, start:stop])
            start = stop
            if self._full == self._limit:
                self._halve(self._buckets)

    def _take(self, buckets: Peaks, part: AudioBlock) -> None:
        """Take samples that the buckets have room for."""
        size, had = self.frames_per_bucket, self._growing
        frames = had + part.shape[1]
        starts = np.maximum(np.arange(0, frames, size) - had, 0)
        outline = _outline(part, starts)
        if had:
            before = buckets[:, self._full]
            outline[:, 0, 0] = np.minimum(outline[:, 0, 0], before[:, 0])
            outline[:, 0, 1] = np.maximum(outline[:, 0, 1], before[:, 1])
        buckets[:, self._full : self._full + outline.shape[1]] = outline
        self._full += frames // size
        self._growing = frames % size

    def _halve(self, buckets: Peaks) -> None:
        self._full //= 2
        pairs = buckets.reshape(buckets.shape[0], self._full, 2, 2)
        low, high = pairs[..., 0].min(axis=2), pairs[..., 1].max(axis=2)
        buckets[:, : self._full, 0], buckets[:, : self._full, 1] = low, high
        self.frames_per_bucket *= 2


def draw(peaks: Peaks) -> list[str]:
    """Return one line of block characters per channel, one character per bucket.

    The loudest bucket of all channels is full height, so that channels can be compared; what is
    below -40 dBFS is noise and is not enlarged. Heights go with the square root, or quiet speech
    beside loud would be a flat line.
    """
    height = np.abs(peaks.astype(np.int32)).max(axis=2, initial=0)
    loudest = max(_QUIET, int(height.max(initial=0)))
    steps = np.rint(np.sqrt(height / loudest) * (len(_BARS) - 1)).astype(int)
    return ["".join(_BARS[step] for step in channel) for channel in steps]

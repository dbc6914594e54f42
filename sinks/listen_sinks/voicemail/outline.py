"""The outline of a message as a small value to be sealed: what a waveform display draws.

u32 frames per bucket | u8 channels | int16 little-endian (channels, buckets, 2)
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from listen_codecs.pcm import deinterleave
from listen_codecs.peaks import PeakCollector, Peaks
from listen_sinks.voicemail.lsv1 import BodyReader

BUCKETS: Final = 1000
"""At most; never less than half of it, unless there are fewer samples."""

_WINDOW: Final = 2**20  # bytes of audio that are opened at once; whole frames
_HEAD: Final = struct.Struct(">IB")
_SAMPLE: Final = np.dtype("<i2")


@dataclass(frozen=True, slots=True)
class Outline:
    """Peaks, int16 of shape (channels, buckets, 2), and the frames that a bucket is long."""

    peaks: Peaks
    frames_per_bucket: int


def outline_of(reader: BodyReader) -> tuple[bytes, bool]:
    """Return the outline of a message, encoded, and whether all of it opens to its sealed end.

    What does not open is silence in the outline.
    """
    collected = PeakCollector(BUCKETS)
    is_whole = reader.ending == "sealed"
    channels, frame = reader.header.channels, reader.header.frame_bytes
    for start in range(0, reader.length, _WINDOW):
        stop = min(start + _WINDOW, reader.length // frame * frame)
        found = reader.salvage(start, stop)
        is_whole = is_whole and not found.damaged
        collected.feed(deinterleave(found.plain, channels))
    return encode_outline(collected), is_whole


def encode_outline(collected: PeakCollector) -> bytes:
    """Return what was collected."""
    peaks = collected.peaks
    head = _HEAD.pack(collected.frames_per_bucket, peaks.shape[0])
    return head + peaks.astype(_SAMPLE).tobytes()


def decode_outline(data: bytes) -> Outline:
    """Read it back. Raises ValueError if it is no outline."""
    try:
        frames_per_bucket, channels = _HEAD.unpack_from(data)
        samples = np.frombuffer(data, _SAMPLE, offset=_HEAD.size)
        peaks = samples.reshape(channels, -1, 2).astype(np.int16)
    except (struct.error, ValueError):
        raise ValueError("this is no outline") from None
    return Outline(peaks, frames_per_bucket)

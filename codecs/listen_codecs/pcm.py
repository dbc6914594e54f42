"""Channels become the wire's bytes here, and back in one go; demux.py does it for a stream."""

from typing import Final

import numpy as np

from listen_codecs.formats import AudioBlock

_WIRE: Final = np.dtype("<i2")


def interleave(block: AudioBlock) -> bytes:
    """Return samples of shape (channels, frames), int16, as interleaved s16le.

    The order is that of WAV and of the wire: every channel's first sample, then every channel's
    second. Raises TypeError for another dtype and ValueError for another number of dimensions.
    """
    if block.ndim != 2:  # noqa: PLR2004  # channels and frames
        raise ValueError(f"a block has the shape (channels, frames), not {block.shape}")
    return block.T.astype(_WIRE, casting="equiv", copy=False).tobytes()


def deinterleave(data: bytes | bytearray | memoryview, channels: int) -> AudioBlock:
    """Return a whole buffer of interleaved s16le as (channels, frames), int16, read-only.

    Raises ValueError if the buffer ends inside a sample frame (2 * channels bytes).
    """
    if channels < 1:
        raise ValueError(f"audio has at least one channel, not {channels}")
    whole = bytes(data)
    frames, extra = divmod(len(whole), 2 * channels)
    if extra:
        raise ValueError(f"{len(whole)} bytes are no whole frames of {channels} channel(s)")
    samples = np.ndarray((frames, channels), _WIRE, whole).astype(np.int16, copy=False)
    samples.flags.writeable = False
    return samples.T

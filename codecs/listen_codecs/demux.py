"""The wire's bytes become channels here; formats.py says how many, pcm.py is the way back.

jambonz cuts its stream of samples wherever it likes: many packets in one message, 16 bytes lost
after an overrun, nothing at all (../README.md). So bytes are a stream, and a message may end
inside a sample.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock, AudioFormat

_WIRE: Final = np.dtype("<i2")  # L16 as an x86 media server writes it: little-endian, signed


class Demux:
    """Split interleaved signed 16-bit little-endian PCM into channels, however it is cut.

    Serves one stream from its first byte to its last. A stream that is cut inside a sample stays
    aligned only if no byte of it is missing; jambonz loses whole sample frames.
    """

    __slots__ = ("_carry", "_channels", "_frame_bytes", "_strides")

    def __init__(self, format: AudioFormat) -> None:  # noqa: A002  # the word of the domain
        self._channels = format.channels
        self._frame_bytes = format.frame_bytes
        self._strides = (2, format.frame_bytes)
        self._carry = b""

    @property
    def pending(self) -> int:
        """Bytes of the sample frame that is still incomplete: below `format.frame_bytes`."""
        return len(self._carry)

    def feed(self, data: bytes | bytearray | memoryview) -> AudioBlock:
        """Return the sample frames that `data` completes, as (channels, frames), int16.

        `frames` is 0 while a sample frame is incomplete. The block is read-only and may be a view
        of `data` if that is `bytes`; other buffers are copied and may be used again. A stereo
        block is a transposed view: `block.T` is C-contiguous, `block` is not.
        """
        if self._carry:
            data = b"".join((self._carry, data))
        elif type(data) is not bytes:  # a buffer that can change must not be shared
            data = bytes(data)
        frames, extra = divmod(len(data), self._frame_bytes)
        self._carry = data[-extra:] if extra else b""
        return _native(np.ndarray((self._channels, frames), _WIRE, data, 0, self._strides))


def _native(samples: NDArray[np.int16]) -> AudioBlock:
    """Return the samples in this machine's byte order: themselves where it is the wire's."""
    if samples.dtype.isnative:
        return samples
    swapped = samples.astype(np.int16)
    swapped.flags.writeable = False
    return swapped

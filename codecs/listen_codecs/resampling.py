"""Another sample rate, for what does not take the wire's; files.py needs it for Opus.

libsoxr in its quality HQ: flat to 0.91 of the lower Nyquist frequency, aliases below -100 dB.
It runs on 32-bit floats here, because libsoxr dithers 16-bit output: digital silence would come
back as noise of one step, and a stream would differ from the same audio in one piece.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock


class Resampler:
    """Resample one stream, block by block. How it is cut never changes the result."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Take rates in Hz: any positive integers. Raises ValueError for others."""
        if from_rate < 1 or to_rate < 1:
            raise ValueError(f"a sample rate is positive: {from_rate} Hz to {to_rate} Hz")
        self._rates = (from_rate, to_rate)
        self._stream: soxr.ResampleStream | None = None
        self._channels: int | None = None
        self._flushed = False

    def feed(self, block: AudioBlock) -> AudioBlock:
        """Return what is ready after this block: (channels, frames), int16, read-only.

        The output lags behind by the filter's length, 10 to 20 ms at 8 kHz, so `frames` may be 0.
        Equal rates return the very block. Raises ValueError if the number of channels changes,
        or after `flush`.
        """
        if self._flushed:
            raise ValueError("this resampler has been flushed: a new stream needs a new one")
        channels = self._channels = self._channels or block.shape[0]
        if block.shape[0] != channels:
            raise ValueError(f"{block.shape[0]} channel(s) in a stream of {channels}")
        if self._rates[0] == self._rates[1]:
            return block
        if self._stream is None:
            self._stream = soxr.ResampleStream(*self._rates, channels, "float32", "HQ")
        samples = np.ascontiguousarray(block.T, dtype=np.float32)
        return _rounded(self._stream.resample_chunk(samples))

    def flush(self) -> AudioBlock:
        """Return what the filter still holds; the output is then as long as the input, rounded.

        Without any block before it, that is no frame in one channel.
        """
        self._flushed = True
        end = np.zeros((0, self._channels or 1), np.float32)
        return _rounded(
            end if self._stream is None else self._stream.resample_chunk(end, last=True)
        )


def resample(block: AudioBlock, from_rate: int, to_rate: int) -> AudioBlock:
    """Return a whole recording, (channels, frames), int16, at another rate in Hz; read-only.

    It then has frames * to_rate / from_rate frames, rounded. Equal rates return the very block;
    peaks that the filter lifts over full scale are clipped. Raises ValueError for a rate below 1.
    """
    resampler = Resampler(from_rate, to_rate)
    body = resampler.feed(block)
    if body is block:
        return block
    return _read_only(np.concatenate([body, resampler.flush()], axis=1))


def _rounded(samples: NDArray[np.float32]) -> AudioBlock:
    """Turn (frames, channels) of float32 in int16 steps into a block."""
    return _read_only(np.clip(np.rint(samples), -32768, 32767).astype(np.int16).T)


def _read_only(block: AudioBlock) -> AudioBlock:
    block.flags.writeable = False
    return block

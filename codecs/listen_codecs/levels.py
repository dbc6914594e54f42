"""How loud audio is, and since when nobody speaks; peaks.py shows it.

0 dBFS is the loudest a sample can be, 32768 steps: a square wave of full scale has a level of
0 dBFS, a sine of full scale a peak of 0 and an rms of -3 dBFS.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock

_FULL_SCALE: Final = 32768.0
_WINDOWS_PER_SECOND: Final = 50  # 20 ms, a packet of telephony


def peak_dbfs(block: AudioBlock) -> NDArray[np.float64]:
    """Return each channel's largest magnitude in dBFS, float64 (channels,); -inf for silence.

    `block` is (channels, frames), int16; no frames at all are silence.
    """
    channels = np.ascontiguousarray(block)  # a stereo block of the wire has them interleaved
    low = channels.min(axis=1, initial=0).astype(np.float64)
    high = channels.max(axis=1, initial=0).astype(np.float64)
    return _decibels(np.maximum(-low, high) / _FULL_SCALE)


def rms_dbfs(block: AudioBlock) -> NDArray[np.float64]:
    """Return each channel's root mean square in dBFS, float64 (channels,); -inf for silence.

    `block` is (channels, frames), int16; no frames at all are silence.
    """
    energy = np.einsum("cf,cf->c", block, block, dtype=np.float64)
    return _decibels(np.sqrt(energy / max(1, block.shape[1])) / _FULL_SCALE)


def _decibels(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return 20 * np.log10(ratio)


class SilenceMeter:
    """Count the seconds for which every channel has been silent, in the audio received.

    Audio is judged in windows of 20 ms from the first sample on, whatever blocks it comes in; a
    window is silent if no channel's rms in it exceeds the threshold. Sums of squares of int16
    are whole numbers that float64 holds exactly, so no cut of the stream changes the answer.
    """

    def __init__(self, sample_rate: int, *, threshold_dbfs: float = -50.0) -> None:
        """Take a rate in Hz, at least 50, and the rms in dBFS that still is silence."""
        if sample_rate < _WINDOWS_PER_SECOND:
            raise ValueError(f"a window of 20 ms holds no sample at {sample_rate} Hz")
        self._window = sample_rate // _WINDOWS_PER_SECOND
        self._sample_rate = sample_rate
        self._limit = self._window * (_FULL_SCALE * 10 ** (threshold_dbfs / 20)) ** 2
        self._open_frames = 0  # of the window that is not full yet
        self._open_energy = np.zeros(1)
        self._silent_windows = 0

    @property
    def seconds(self) -> float:
        """How long it has been silent, in full windows of audio received."""
        return self._silent_windows * self._window / self._sample_rate

    def feed(self, block: AudioBlock) -> None:
        """Take the next samples, (channels, frames), int16, any number of frames."""
        start = 0
        if self._open_frames:
            start = min(self._window - self._open_frames, block.shape[1])
            self._open(block[:, :start])
            if self._open_frames < self._window:
                return
            self._judge(self._open_energy[:, np.newaxis])
            self._open_frames = 0
        windows = (block.shape[1] - start) // self._window
        rest = start + windows * self._window
        if windows:
            whole = block[:, start:rest].reshape(block.shape[0], windows, self._window)
            self._judge(np.einsum("cwf,cwf->cw", whole, whole, dtype=np.float64))
        self._open_energy = np.zeros(block.shape[0])
        if rest < block.shape[1]:
            self._open(block[:, rest:])

    def _open(self, part: AudioBlock) -> None:
        self._open_energy = self._open_energy + np.einsum("cf,cf->c", part, part, dtype=np.float64)
        self._open_frames += part.shape[1]

    def _judge(self, energies: NDArray[np.float64]) -> None:
        """Take the sums of squares of full windows, (channels, windows)."""
        loud = np.flatnonzero(energies.max(axis=0) > self._limit)
        if loud.size:
            self._silent_windows = energies.shape[1] - 1 - int(loud[-1])
        else:
            self._silent_windows += energies.shape[1]

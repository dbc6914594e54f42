"""Who speaks when: WebRTC's voice activity detector over blocks of a stream.

It judges 20 ms at a time at 8, 16, 32 or 48 kHz; other rates are resampled. The noise of a line is
no speech to it, tones and music are. Level alone, which is cheaper and takes noise for speech, is
listen_codecs.levels.
"""

from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock
from listen_codecs.resampling import Resampler

WINDOW: Final = 0.02  # seconds
NATIVE_RATES: Final = (8000, 16000, 32000, 48000)  # Hz
STRICTNESS: Final = 2
"""Of 0 to 3: the higher, the less noise passes for speech, and the more speech for noise."""
LEAST_SPEECH: Final = 0.1
"""Seconds that somebody must speak: clicks and breaths pass for speech for a window or two."""

_PER_SECOND: Final = 50


class VoiceActivity:
    """Tell which windows of a stream have speech. How it is cut never changes the answer."""

    def __init__(
        self, sample_rate: int, channels: int = 1, *, strictness: int = STRICTNESS
    ) -> None:
        """Take a rate in Hz, from 50 on. Raises ValueError for a strictness that is not 0 to 3."""
        if not 0 <= strictness <= 3:  # noqa: PLR2004 - the detector's own modes
            raise ValueError(f"strictness is 0, 1, 2 or 3, not {strictness}")
        self._rate = _native(sample_rate)
        self._resampler = Resampler(sample_rate, self._rate)
        self._frames = self._rate // _PER_SECOND
        self._detectors = [webrtcvad.Vad(strictness) for _ in range(channels)]
        self._rest: AudioBlock = np.empty((channels, 0), np.int16)

    def feed(self, block: AudioBlock) -> NDArray[np.bool_]:
        """Take samples, (channels, frames), int16; return the windows that are full now.

        bool of shape (channels, windows), each 20 ms; at other than native rates they lag behind
        by the resampler's filter. Raises ValueError if the number of channels is another.
        """
        if block.shape[0] != len(self._detectors):
            raise ValueError(f"{block.shape[0]} channel(s), where there are {len(self._detectors)}")
        audio = np.concatenate([self._rest, self._resampler.feed(block)], axis=1)
        windows = audio.shape[1] // self._frames
        self._rest = audio[:, windows * self._frames :]
        spoken = np.empty((block.shape[0], windows), np.bool_)
        for number, detector in enumerate(self._detectors):
            data = audio[number].tobytes()
            for window in range(windows):
                piece = data[2 * window * self._frames : 2 * (window + 1) * self._frames]
                spoken[number, window] = detector.is_speech(piece, self._rate)
        return spoken


class VoiceMeter:
    """Count the seconds for which nobody has spoken: in the place of levels.SilenceMeter."""

    def __init__(
        self, sample_rate: int, channels: int = 1, *, strictness: int = STRICTNESS
    ) -> None:
        self._activity = VoiceActivity(sample_rate, channels, strictness=strictness)
        self._in_a_row = np.zeros(channels, np.int64)  # windows with speech
        self._silent_windows = 0

    @property
    def seconds(self) -> float:
        """How long nobody has spoken, in full windows of audio received."""
        return self._silent_windows * WINDOW

    def feed(self, block: AudioBlock) -> None:
        """Take the next samples, (channels, frames), int16, any number of frames."""
        for spoken in self._activity.feed(block).T:
            self._in_a_row = np.where(spoken, self._in_a_row + 1, 0)
            speech = self._in_a_row.max(initial=0) * WINDOW >= LEAST_SPEECH
            self._silent_windows = 0 if speech else self._silent_windows + 1


def spoken_range(
    block: AudioBlock, sample_rate: int, *, margin: float = 0.3, strictness: int = STRICTNESS
) -> tuple[int, int]:
    """Return from which frame to which somebody speaks, in any channel of a whole recording.

    `margin` is kept around it, in seconds, as far as there is audio. (0, 0) if nobody speaks.
    """
    spoken = VoiceActivity(sample_rate, block.shape[0], strictness=strictness).feed(block)
    windows = np.flatnonzero(sustained(spoken).any(axis=0))
    if not windows.size:
        return 0, 0
    start = round((windows[0] * WINDOW - margin) * sample_rate)
    stop = round(((windows[-1] + 1) * WINDOW + margin) * sample_rate)
    return max(0, start), min(block.shape[1], stop)


def sustained(spoken: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the same windows, (channels, windows), without speech that is too short to be any."""
    least = round(LEAST_SPEECH / WINDOW)
    kept = np.zeros_like(spoken)
    for channel, windows in enumerate(spoken):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], windows.view(np.int8), [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            kept[channel, start:stop] = stop - start >= least
    return kept


def _native(sample_rate: int) -> int:
    if sample_rate in NATIVE_RATES:
        return sample_rate
    return next((rate for rate in reversed(NATIVE_RATES[:3]) if rate < sample_rate), 8000)

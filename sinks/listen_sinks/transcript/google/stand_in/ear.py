"""What the stand-in hears: tokens in one channel, however the audio is cut. tokens.py says them.

Other sound, such as speech, is heard as that and no more: `sound`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from listen_sinks.transcript.google.stand_in.tokens import (
    BASE,
    PITCHES,
    TOKEN,
    TONE,
    TONES,
    digits,
)

WINDOW: Final = 0.005  # seconds
THRESHOLD: Final = 400
"""A sample's magnitude from which on there is sound."""
QUIET_WINDOWS: Final = 6
"""Windows of silence that end a sound: 30 ms."""
LONGEST: Final = 10.0  # seconds of sound after which the rest is another
_TOLERANCE: Final = 0.02  # seconds
SHORTEST: Final = 0.03  # seconds; less is a click


@dataclass(frozen=True, slots=True)
class Sound:
    """Something heard: a token by its number, or any other sound."""

    start: float  # seconds of the audio before it
    end: float
    number: int | None

    @property
    def word(self) -> str:
        """What a transcript says of it."""
        return "sound" if self.number is None else str(self.number)


class Ear:
    """Listens to one channel."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._window = round(WINDOW * sample_rate)
        self._rest = np.zeros(0, np.int16)
        self._windows = 0  # judged
        self._sound: list[NDArray[np.int16]] = []
        self._began = 0  # window
        self._quiet = QUIET_WINDOWS  # windows in a row

    @property
    def seconds(self) -> float:
        """How much has been judged."""
        return self._windows * self._window / self._rate

    @property
    def in_sound(self) -> bool:
        """A sound has begun and not ended."""
        return bool(self._sound)

    @property
    def silence(self) -> float:
        """Seconds since the last sound."""
        return 0.0 if self._sound else self._quiet * self._window / self._rate

    def hear(self, samples: NDArray[np.int16]) -> Iterator[Sound]:
        """Take samples, (frames,), int16; give the sounds that have ended."""
        audio = np.concatenate([self._rest, samples])
        count = len(audio) // self._window
        self._rest = audio[count * self._window :]
        windows = audio[: count * self._window].reshape(count, self._window)
        peaks = np.abs(windows.astype(np.int32)).max(axis=1, initial=0)
        if not self._sound and not (peaks >= THRESHOLD).any():
            self._windows += count
            self._quiet += count
            return
        for window, loud in zip(windows, peaks >= THRESHOLD, strict=True):
            yield from self._judge(window, loud=bool(loud))

    def end(self) -> Iterator[Sound]:
        """Give what has begun: there is no more audio."""
        if self._sound:
            yield self._ended()

    def _judge(self, window: NDArray[np.int16], *, loud: bool) -> Iterator[Sound]:
        self._quiet = 0 if loud else self._quiet + 1
        if loud and not self._sound:
            self._began = self._windows
        if loud or self._sound:
            self._sound.append(window)
        self._windows += 1
        if self._sound and (self._quiet >= QUIET_WINDOWS or len(self._sound) * WINDOW >= LONGEST):
            yield self._ended()

    def _ended(self) -> Sound:
        audio = np.concatenate(self._sound)
        loud = np.flatnonzero(np.abs(audio.astype(np.int32)) >= THRESHOLD)
        audio = audio[loud[0] : loud[-1] + 1]
        start = (self._began * self._window + int(loud[0])) / self._rate
        self._sound = []
        return Sound(start, start + len(audio) / self._rate, _number(audio, self._rate))


def _number(audio: NDArray[np.int16], sample_rate: int) -> int | None:
    """Return the number of a token, or None for any other sound."""
    if abs(len(audio) / sample_rate - TOKEN) > _TOLERANCE:
        return None
    stride = max(1, sample_rate // 8000)  # which is enough for the pitches
    audio, rate = audio[::stride], sample_rate / stride
    middle = len(audio) / 2
    tone = TONE * rate
    heard: list[int] = []
    for index in range(TONES):
        centre = middle + (index - (TONES - 1) / 2) * tone
        start = round(centre - tone * 0.3)
        piece = audio[start : start + round(tone * 0.6)].astype(np.float64)
        heard.append(int(np.abs(_pitches(len(piece), rate) @ piece).argmax()))
    number = heard[1] * BASE**2 + heard[2] * BASE + heard[3]
    return number if digits(number)[0] == heard[0] else None


@lru_cache(maxsize=32)
def _pitches(frames: int, sample_rate: float) -> NDArray[np.complex128]:
    time = np.arange(frames) / sample_rate
    waves = np.exp(-2j * np.pi * np.outer(PITCHES, time)) * np.hanning(frames)
    return np.asarray(waves, np.complex128)

"""A channel cut into stretches of speech, at pauses: what an engine takes that wants a whole.

pocketsphinx.py has them understood by its pool.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from listen_sinks.transcript.voice import LEAST_SPEECH, WINDOW

RATE: Final = 16_000  # Hz
LEAST: Final = 12.0
"""Seconds after which a stretch ends with a pause: a short one tells an engine little."""
MOST: Final = 60.0
"""Seconds after which it ends anyway."""
PAUSE: Final = 0.7  # seconds without speech
MARGIN: Final = 0.5  # seconds kept in front of speech

_WINDOW: Final = round(WINDOW * RATE)


class Stretch(NamedTuple):
    """Samples, int16 (frames,) at 16 kHz, and the seconds before them."""

    start: float
    samples: NDArray[np.int16]


class Stretches:
    """Cuts one channel. Where nobody speaks, nothing comes out, and nothing is kept."""

    def __init__(self) -> None:
        self._start = 0  # windows before what is kept
        self._windows: list[NDArray[np.int16]] = []
        self._quiet = 0  # windows without speech at the end
        self._in_a_row = 0  # windows with speech
        self._speech = False

    @property
    def start(self) -> float:
        """Seconds before what is kept: nobody spoke, or it is in a stretch."""
        return self._start * WINDOW

    def feed(self, samples: NDArray[np.int16], spoken: NDArray[np.bool_]) -> list[Stretch]:
        """Take windows of 20 ms, int16 (windows * 320,), and which of them have speech.

        Returns the stretches that end with them.
        """
        done = []
        for window, speech in zip(samples.reshape(-1, _WINDOW), spoken, strict=True):
            self._take(window, speech=bool(speech))
            seconds = len(self._windows) * WINDOW
            pause = self._quiet * WINDOW >= PAUSE
            if self._speech and ((seconds >= LEAST and pause) or seconds >= MOST):
                done.append(self._cut())
        return done

    def end(self) -> list[Stretch]:
        """Return what is left, if somebody speaks in it."""
        return [self._cut()] if self._speech else []

    def _take(self, window: NDArray[np.int16], *, speech: bool) -> None:
        self._windows.append(window)
        self._in_a_row = self._in_a_row + 1 if speech else 0
        self._quiet = 0 if speech else self._quiet + 1
        self._speech = self._speech or self._in_a_row * WINDOW >= LEAST_SPEECH
        if not self._speech and len(self._windows) * WINDOW > MARGIN:
            self._windows.pop(0)
            self._start += 1

    def _cut(self) -> Stretch:
        stretch = Stretch(self._start * WINDOW, np.concatenate(self._windows))
        self._start += len(self._windows)
        self._windows.clear()
        self._quiet = self._in_a_row = 0
        self._speech = False
        return stretch

"""Numbered tokens as sound: what a test says, so that the stand-in can tell what it heard.

    one token, 100 ms: four tones of 25 ms, [check][d2][d1][d0], 16 pitches from 600 to 3150 Hz

A number below 4096 is three digits to the base of 16, and the check is their sum. All pitches lie
in the band of a telephone, so that tokens outlive every sample rate and resampling between them.
ear.py understands them.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock

BASE: Final = 16
NUMBERS: Final = BASE**3
TONES: Final = 4
TONE: Final = 0.025  # seconds
TOKEN: Final = TONES * TONE
GAP: Final = 0.1  # seconds of silence between tokens, where nothing else is asked for
PITCHES: Final = tuple(600.0 + 170.0 * digit for digit in range(BASE))  # Hz
_RAMP: Final = 0.003  # seconds; a hard edge would ring in a resampler


def token(number: int, sample_rate: int, *, level: int = 8000) -> NDArray[np.int16]:
    """Return the sound of a number from 0 to 4095: int16, mono, 100 ms; `level` is its peak."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"a token is a number from 0 to {NUMBERS - 1}, not {number}")
    time = np.arange(round(TONE * sample_rate)) / sample_rate
    sound = np.concatenate([np.sin(2 * np.pi * PITCHES[digit] * time) for digit in digits(number)])
    ramp = round(_RAMP * sample_rate)
    sound[:ramp] *= np.linspace(0, 1, ramp)
    sound[-ramp:] *= np.linspace(1, 0, ramp)
    return np.asarray(np.rint(level * sound), np.int16)


def digits(number: int) -> tuple[int, int, int, int]:
    """Return the check and the three digits."""
    high, middle, low = number // BASE**2, number // BASE % BASE, number % BASE
    return (high + middle + low) % BASE, high, middle, low


def spoken(
    numbers: Sequence[int], sample_rate: int, *, gap: float = GAP, group: int = 8, rest: float = 0.6
) -> AudioBlock:
    """Return tokens in groups, like words in sentences: (1, frames), int16, read-only.

    `gap` seconds of silence after each token, and `rest` seconds after each `group` of them.
    """
    parts: list[NDArray[np.int16]] = []
    for index, number in enumerate(numbers):
        parts += [token(number, sample_rate), _silence(gap, sample_rate)]
        if index % group == group - 1:
            parts.append(_silence(rest, sample_rate))
    audio = np.concatenate(parts or [_silence(0, sample_rate)])[np.newaxis]
    audio.flags.writeable = False
    return audio


def _silence(seconds: float, sample_rate: int) -> NDArray[np.int16]:
    return np.zeros(round(seconds * sample_rate), np.int16)

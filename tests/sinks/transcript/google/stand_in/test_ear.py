from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import SAMPLE_RATES
from listen_codecs.resampling import resample
from listen_sinks.transcript.google.stand_in import spoken, token
from listen_sinks.transcript.google.stand_in.ear import Ear, Sound
from listen_sinks.transcript.google.stand_in.tokens import NUMBERS


def heard(
    samples: "np.ndarray[Any, np.dtype[np.int16]]", rate: int, step: int = 777
) -> list[Sound]:
    ear = Ear(rate)
    sounds = [
        sound
        for start in range(0, len(samples), step)
        for sound in ear.hear(samples[start : start + step])
    ]
    return [*sounds, *ear.end()]


@pytest.mark.parametrize("to_rate", [8000, 16000, 48000])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_tokens_outlive_every_rate_and_every_resampling(rate: int, to_rate: int) -> None:
    numbers = list(range(0, NUMBERS, 101))
    audio = resample(spoken(numbers, rate), rate, to_rate)

    assert [sound.number for sound in heard(audio[0], to_rate)] == numbers


@given(st.lists(st.integers(0, NUMBERS - 1), max_size=6), st.integers(20, 3000))
def test_how_the_audio_is_cut_never_changes_what_is_heard(numbers: list[int], step: int) -> None:
    audio = spoken(numbers, 8000)[0]

    assert [sound.number for sound in heard(audio, 8000, step)] == numbers


def test_quiet_and_noisy_tokens_are_heard() -> None:
    noise = np.random.default_rng(1).normal(0, 60, 8000)
    audio = noise
    audio[4000:4800] += token(123, 8000, level=1500)

    assert [sound.number for sound in heard(audio.astype(np.int16), 8000)] == [123]


def test_a_token_that_is_cut_or_overlaid_is_no_other_token() -> None:
    whole = token(0x123, 8000)
    silence = np.zeros(2000, np.int16)
    cut = np.concatenate([silence, whole[:500], silence, whole[300:], silence])
    overlaid = np.concatenate([silence, whole // 2 + token(0x321, 8000) // 2, silence])

    assert all(sound.number is None for sound in heard(cut, 8000))
    assert all(sound.number in (None, 0x123, 0x321) for sound in heard(overlaid, 8000))


def test_times_are_those_of_the_sound() -> None:
    audio = np.concatenate([np.zeros(4000, np.int16), token(5, 8000), np.zeros(800, np.int16)])

    (sound,) = heard(audio, 8000)

    assert (sound.start, sound.end) == pytest.approx((0.5, 0.6), abs=0.002)


@pytest.mark.parametrize("number", [-1, NUMBERS])
def test_there_is_no_token_beyond_the_last(number: int) -> None:
    with pytest.raises(ValueError, match="0 to 4095"):
        token(number, 8000)

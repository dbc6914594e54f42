"""Voice activity: speech is told from silence, at every rate, however the stream is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.files import read_audio
from listen_codecs.formats import SAMPLE_RATES, AudioBlock
from listen_codecs.levels import SilenceMeter
from listen_codecs.resampling import resample
from listen_server.simulator.clip import CLIP
from listen_sinks.transcript.voice import VoiceActivity, VoiceMeter, spoken_range, sustained

BLOCK, RATE = read_audio(CLIP)
CALLER = BLOCK[:1]  # speaks from 1.5 s on


def quiet(seconds: float, rate: int) -> AudioBlock:
    noise = np.random.default_rng(1).normal(0, 8, (1, round(seconds * rate)))
    return noise.astype(np.int16)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_speech_is_told_from_a_quiet_line_at_every_rate(rate: int) -> None:
    audio = resample(CALLER, RATE, rate)
    spoken = VoiceActivity(rate).feed(audio)[0]

    assert spoken[:70].mean() < 0.15  # its first windows have nothing to compare with
    assert spoken[80:250].mean() > 0.8


@given(cuts=st.lists(st.integers(0, RATE), max_size=8))
def test_where_the_stream_is_cut_never_changes_the_answer(cuts: list[int]) -> None:
    audio = BLOCK[:, RATE : 2 * RATE]
    activity = VoiceActivity(RATE, 2)
    edges = [0, *sorted(cuts), audio.shape[1]]
    pieces = [activity.feed(audio[:, a:b]) for a, b in pairwise(edges)]

    whole = VoiceActivity(RATE, 2).feed(audio)
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert whole.shape == (2, 50)


def test_a_message_is_cut_to_where_somebody_speaks() -> None:
    audio = np.concatenate([quiet(2, RATE), CALLER, quiet(3, RATE)], axis=1)
    start, stop = spoken_range(audio, RATE, margin=0.2)

    assert 3.0 < start / RATE < 3.5
    assert 7.0 < stop / RATE < 7.8


def test_a_message_in_which_nobody_speaks_has_no_range() -> None:
    assert spoken_range(quiet(3, 8000), 8000) == (0, 0)
    assert spoken_range(np.zeros((1, 0), np.int16), 8000) == (0, 0)


def test_a_noisy_line_is_silent_to_the_meter_of_voices_and_not_to_that_of_levels() -> None:
    noise = np.random.default_rng(1).normal(0, 300, (1, 10 * 8000)).astype(np.int16)
    voices, levels = VoiceMeter(8000), SilenceMeter(8000)
    for start in range(0, noise.shape[1], 800):
        voices.feed(noise[:, start : start + 800])
        levels.feed(noise[:, start : start + 800])

    assert voices.seconds > 8
    assert levels.seconds < 1


def test_the_meter_counts_from_the_last_word() -> None:
    meter = VoiceMeter(RATE, 2)
    meter.feed(BLOCK)
    assert meter.seconds < 1
    meter.feed(np.repeat(quiet(4, RATE), 2, axis=0))
    assert 3.5 < meter.seconds < 5


def test_a_click_is_no_speech() -> None:
    windows = np.zeros((1, 20), np.bool_)
    windows[0, 3:6] = True
    windows[0, 10:16] = True
    kept = sustained(windows)
    assert not kept[0, :10].any()
    assert kept[0, 10:16].all()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="strictness"):
        VoiceActivity(8000, strictness=4)
    with pytest.raises(ValueError, match="channel"):
        VoiceActivity(8000).feed(np.zeros((2, 10), np.int16))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioBlock, AudioFormat, Mix
from listen_sinks.transcript.google.intake import Intake
from listen_sinks.transcript.google.stand_in import spoken

LARGEST = 15_360


def noise(frames: int, channels: int = 1) -> AudioBlock:
    rng = np.random.default_rng(frames)
    return rng.integers(-9000, 9000, (channels, frames), np.int16)


def intake(rate: int, mix: Mix = "mono", *, voice_activity: bool = False) -> Intake:
    return Intake(AudioFormat(rate, mix), LARGEST, voice_activity=voice_activity)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("mix", MIXES)
def test_requests_are_of_about_100_ms_and_never_over_15360_bytes(rate: int, mix: Mix) -> None:
    cut = intake(rate, mix)
    audio = noise(rate * 3, cut.channels)

    requests = [
        piece.nbytes
        for start in range(0, rate * 3, 999)
        for piece, _ in cut.feed(audio[:, start : start + 999])
    ]

    seconds = [size / (2 * cut.channels * cut.sample_rate) for size in requests]
    assert max(requests) <= LARGEST
    assert min(seconds) > 0.05
    assert max(seconds) <= 0.1


@given(st.lists(st.integers(1, 5000), max_size=30), st.sampled_from(["mono", "stereo"]))
def test_how_the_audio_comes_never_changes_what_is_sent(cuts: list[int], mix: Mix) -> None:
    cut = intake(8000, mix)
    audio = noise(sum(cuts), cut.channels)

    sent, start = [audio[:, :0]], 0
    for frames in cuts:
        sent += [piece for piece, _ in cut.feed(audio[:, start : start + frames])]
        start += frames
    sent += [piece for piece, _ in cut.flush(end=True)]

    assert np.array_equal(np.concatenate(sent, axis=1), audio)


def test_a_packet_of_20_ms_waits_for_others_and_a_block_of_100_ms_does_not() -> None:
    cut = intake(8000)

    assert [len(list(cut.feed(noise(160)))) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert len(list(intake(8000).feed(noise(800)))) == 1


def test_64_khz_becomes_16_khz_to_the_last_sample() -> None:
    cut = intake(64000, "stereo")

    pieces = [piece for piece, _ in cut.feed(noise(64000, 2))]
    pieces += [piece for piece, _ in cut.flush(end=True)]

    assert cut.sample_rate == 16000
    assert sum(piece.shape[1] for piece in pieces) == 16000


def test_a_pause_lets_out_what_is_left_and_no_more() -> None:
    cut = intake(8000)
    list(cut.feed(noise(100)))

    assert [piece.shape for piece, _ in cut.flush(end=False)] == [(1, 100)]
    assert list(cut.flush(end=False)) == []
    assert list(cut.flush(end=True)) == []


def test_who_speaks_is_told_for_each_channel() -> None:
    cut = intake(8000, "stereo", voice_activity=True)
    said = spoken(range(5), 8000)[0]
    audio = np.stack([np.zeros_like(said), said])

    spoke = np.array([channels for _, channels in cut.feed(audio)])

    assert not spoke[:, 0].any()
    assert spoke[:, 1].mean() > 0.5


def test_without_voice_activity_everything_may_be_speech() -> None:
    ((_, channels),) = intake(8000).feed(np.zeros((1, 800), np.int16))

    assert channels == [True]

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import AudioBlock, PeakCollector, draw, waveform_peaks


def noise(channels: int, frames: int, seed: int = 0) -> AudioBlock:
    rng = np.random.default_rng(seed)
    return rng.integers(-32768, 32768, (channels, frames), np.int16)


@settings(deadline=None)
@given(channels=st.integers(1, 3), frames=st.integers(1, 300), buckets=st.integers(1, 400))
def test_every_bucket_shows_its_lowest_and_highest_sample(
    channels: int, frames: int, buckets: int
) -> None:
    block = noise(channels, frames)

    peaks = waveform_peaks(block, buckets)

    assert peaks.shape == (channels, buckets, 2)
    assert peaks.dtype == np.int16
    for bucket in range(buckets):
        start = bucket * frames // buckets
        stop = max(start + 1, (bucket + 1) * frames // buckets)
        assert peaks[:, bucket, 0].tolist() == block[:, start:stop].min(axis=1).tolist()
        assert peaks[:, bucket, 1].tolist() == block[:, start:stop].max(axis=1).tolist()


def test_a_recording_shorter_than_the_picture_is_stretched() -> None:
    block = np.array([[1, -2, 3]], np.int16)

    assert waveform_peaks(block, 6)[0, :, 0].tolist() == [1, 1, -2, -2, 3, 3]


def test_a_recording_without_audio_is_a_flat_line() -> None:
    peaks = waveform_peaks(np.zeros((2, 0), np.int16), 5)

    assert peaks.shape == (2, 5, 2)
    assert not peaks.any()


def test_a_picture_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        waveform_peaks(noise(1, 10), 0)


def collected(block: AudioBlock, size: int) -> AudioBlock:
    """The definition: the lowest and highest of every `size` frames."""
    parts = [block[:, start : start + size] for start in range(0, block.shape[1], size)]
    return np.stack([[part.min(1), part.max(1)] for part in parts]).transpose(2, 0, 1)


@settings(deadline=None)
@given(
    channels=st.integers(1, 2),
    frames=st.integers(1, 700),
    cuts=st.lists(st.integers(0, 700), max_size=12),
    limit=st.sampled_from([2, 4, 10, 64]),
)
def test_the_outline_of_a_stream_does_not_depend_on_how_it_is_cut(
    channels: int, frames: int, cuts: list[int], limit: int
) -> None:
    block = noise(channels, frames)
    collector = PeakCollector(limit)

    for part in np.split(block, sorted(cuts), axis=1):
        collector.feed(part)

    assert np.array_equal(collector.peaks, collected(block, collector.frames_per_bucket))
    assert limit // 2 <= frames // collector.frames_per_bucket < limit or frames < limit // 2


def test_a_call_of_a_day_needs_no_more_memory_than_one_of_a_minute() -> None:
    collector = PeakCollector(1000)
    minute = noise(1, 480_000)

    for _ in range(60 * 24):
        collector.feed(minute)

    assert 500 <= collector.peaks.shape[1] <= 1000
    assert collector.frames_per_bucket == 2**20


def test_an_outline_taken_during_the_call_stays_as_it_was() -> None:
    collector = PeakCollector(4)
    collector.feed(np.array([[1, 2, 3]], np.int16))

    early = collector.peaks
    collector.feed(np.array([[9, 9, 9]], np.int16))

    assert early.tolist() == [[[1, 1], [2, 2], [3, 3]]]


def test_a_stream_without_audio_has_no_outline() -> None:
    collector = PeakCollector()
    assert collector.peaks.shape == (1, 0, 2)

    collector.feed(np.zeros((2, 0), np.int16))

    assert collector.peaks.shape == (2, 0, 2)


@pytest.mark.parametrize("limit", [0, 1, 3, -2])
def test_a_limit_that_cannot_be_halved_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="even"):
        PeakCollector(limit)


def test_a_drawing_has_one_line_per_channel_and_one_character_per_bucket() -> None:
    ramp = np.linspace(0, 30000, 8000).astype(np.int16)
    block = np.stack([ramp, np.zeros(8000, np.int16)])

    loud, silent = draw(waveform_peaks(block, 16))

    assert len(loud) == 16
    assert loud[-1] == "█"
    assert list(loud) == sorted(loud)
    assert silent == "▁" * 16


def test_the_lowest_sample_counts_as_much_as_the_highest() -> None:
    assert draw(waveform_peaks(np.array([[-32768, 32767, 0]], np.int16), 3)) == ["██▁"]


def test_noise_is_not_drawn_as_if_it_were_speech() -> None:
    faint = np.random.default_rng(0).integers(-3, 4, (1, 8000), np.int16)

    assert set(draw(waveform_peaks(faint, 20))[0]) <= set("▁▂")


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw(np.zeros((2, 0, 2), np.int16)) == ["", ""]

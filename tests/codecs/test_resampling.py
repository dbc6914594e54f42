import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from listen_codecs import SAMPLE_RATES, AudioBlock, Resampler, resample, rms_dbfs


def noise(channels: int, frames: int, seed: int = 0) -> AudioBlock:
    rng = np.random.default_rng(seed)
    return rng.integers(-32768, 32768, (channels, frames), np.int16)


def tone(hertz: float, rate: int, seconds: float = 1.0) -> AudioBlock:
    time = np.arange(int(rate * seconds)) / rate
    samples: AudioBlock = np.rint(20000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
    return samples[np.newaxis]


def middle(block: AudioBlock) -> AudioBlock:
    quarter = block.shape[1] // 4
    return block[:, quarter:-quarter]


def level(block: AudioBlock) -> NDArray[np.float64]:
    return rms_dbfs(middle(block))


@settings(deadline=None)
@given(
    channels=st.integers(1, 3),
    cuts=st.lists(st.integers(0, 3000), max_size=20),
    rates=st.tuples(*[st.sampled_from([8000, 11025, 16000, 44100, 48000, 64000])] * 2),
)
def test_a_stream_sounds_like_the_whole_recording(
    channels: int, cuts: list[int], rates: tuple[int, int]
) -> None:
    whole = noise(channels, 3000)
    resampler = Resampler(*rates)

    blocks = [resampler.feed(part) for part in np.split(whole, sorted(cuts), axis=1)]
    stream = np.concatenate([*blocks, resampler.flush()], axis=1)

    batch = resample(whole, *rates)
    assert stream.shape == batch.shape
    assert np.abs(stream.astype(int) - batch).max() <= 2


def test_soxr_itself_says_the_same() -> None:
    whole = noise(2, 5000)

    theirs = soxr.resample(whole.T.astype(np.float32), 48000, 16000).T

    assert np.abs(resample(whole, 48000, 16000) - np.clip(theirs, -32768, 32767)).max() <= 1


@pytest.mark.parametrize("from_rate", SAMPLE_RATES)
@pytest.mark.parametrize("to_rate", SAMPLE_RATES)
def test_a_voice_keeps_its_length_and_loudness_at_every_rate(from_rate: int, to_rate: int) -> None:
    block = resample(tone(1000, from_rate), from_rate, to_rate)

    assert block.shape == (1, to_rate)
    assert level(block) == pytest.approx(level(tone(1000, to_rate)), abs=0.05)
    error = middle(block).astype(int) - middle(tone(1000, to_rate))
    assert np.abs(error).max() <= 4  # in step, too


@pytest.mark.parametrize("hertz", [4500, 5000, 7100, 8000, 12000, 15900, 31000])
def test_what_is_too_high_for_the_new_rate_does_not_come_back_as_something_lower(
    hertz: int,
) -> None:
    block = resample(tone(hertz, 64000), 64000, 8000)

    assert level(block) < -90


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 7, 100, 4001])
@pytest.mark.parametrize("rates", [(8000, 48000), (64000, 8000), (44100, 8000), (8001, 7999)])
def test_the_length_is_the_one_that_the_rates_ask_for(frames: int, rates: tuple[int, int]) -> None:
    block = resample(noise(2, frames), *rates)

    assert block.dtype == np.int16
    assert abs(block.shape[1] - frames * rates[1] / rates[0]) <= 0.5
    assert block.shape[0] == 2


def test_equal_rates_give_the_very_block_back() -> None:
    block = noise(2, 100)

    assert resample(block, 8000, 8000) is block
    assert Resampler(44100, 44100).feed(block) is block


def test_digital_silence_stays_silent() -> None:
    assert not resample(np.zeros((1, 8000), np.int16), 8000, 48000).any()


def test_full_scale_is_clipped_and_never_wraps_around() -> None:
    square = np.where(np.arange(8000) // 40 % 2, 32767, -32768).astype(np.int16)[np.newaxis]

    block = resample(square, 8000, 16000)

    assert block.min() == -32768
    assert block.max() == 32767
    assert (np.sign(block[0, 10::80]) == np.sign(square[0, 5::40])).all()


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_block_of_the_wire_and_a_slice_are_resampled_like_any_other(layout: str) -> None:
    plain = noise(2, 1000)
    other = np.array(np.pad(plain, ((0, 0), (5, 5))), order=layout)[:, 5:-5]  # type: ignore[call-overload]

    assert np.array_equal(resample(other, 8000, 16000), resample(plain, 8000, 16000))


def test_results_are_read_only() -> None:
    resampler = Resampler(8000, 16000)

    blocks = [resampler.feed(noise(1, 999)), resampler.flush(), resample(noise(1, 9), 8000, 16000)]

    assert not any(block.flags.writeable for block in blocks)


def test_a_stream_that_never_began_ends_with_nothing() -> None:
    assert Resampler(8000, 16000).flush().shape == (1, 0)


def test_a_stream_cannot_change_its_channels_or_go_on_after_its_end() -> None:
    resampler = Resampler(8000, 16000)
    resampler.feed(noise(1, 10))

    with pytest.raises(ValueError, match="2 channel"):
        resampler.feed(noise(2, 10))
    resampler.flush()
    with pytest.raises(ValueError, match="flushed"):
        resampler.feed(noise(1, 10))


@pytest.mark.parametrize("rates", [(0, 8000), (8000, 0), (-8000, 8000)])
def test_a_rate_that_is_none_is_refused(rates: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        resample(noise(1, 10), *rates)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import AudioBlock, SilenceMeter, peak_dbfs, rms_dbfs


def square(amplitude: int, frames: int, channels: int = 1) -> AudioBlock:
    wave = np.where(np.arange(frames) % 2, amplitude, -amplitude).astype(np.int16)
    return np.tile(wave, (channels, 1))


def seconds(block: AudioBlock, rate: int = 8000, **settings: float) -> float:
    meter = SilenceMeter(rate, **settings)
    meter.feed(block)
    return meter.seconds


def test_a_sine_of_full_scale_has_a_peak_of_zero_and_an_rms_of_minus_three() -> None:
    sine = np.rint(32767 * np.sin(np.arange(8000) * 2 * np.pi / 80)).astype(np.int16)[np.newaxis]

    assert peak_dbfs(sine) == pytest.approx([0], abs=0.001)
    assert rms_dbfs(sine) == pytest.approx([-3.0103], abs=0.001)


def test_the_loudest_sample_there_is_has_zero_decibels() -> None:
    block = np.full((1, 10), -32768, np.int16)

    assert peak_dbfs(block).tolist() == [0]
    assert rms_dbfs(block).tolist() == [0]


def test_each_channel_has_a_level_of_its_own() -> None:
    block = np.concatenate([square(16384, 100), square(0, 100), square(328, 100)])

    for levels in (peak_dbfs(block), rms_dbfs(block)):
        assert levels.dtype == np.float64
        assert levels == pytest.approx([-6.0206, -np.inf, -39.99], abs=0.01)


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_silence_is_minus_infinity_and_no_warning(frames: int) -> None:
    silence = np.zeros((2, frames), np.int16)

    assert peak_dbfs(silence).tolist() == rms_dbfs(silence).tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_layout_of_a_block_does_not_change_its_level(order: str) -> None:
    noise = np.random.default_rng(1).integers(-9999, 9999, (2, 1000), np.int16)
    block = np.array(noise, order=order)  # type: ignore[call-overload]

    assert peak_dbfs(block).tolist() == peak_dbfs(noise).tolist()
    assert rms_dbfs(block) == pytest.approx(rms_dbfs(noise))


@settings(deadline=None)
@given(
    windows=st.lists(st.tuples(*[st.sampled_from([0, 90, 120, 9000])] * 2), max_size=12),
    rest=st.integers(0, 159),
    cuts=st.lists(st.integers(0, 2000), max_size=30),
)
def test_where_the_stream_is_cut_never_changes_how_long_it_is_silent(
    windows: list[tuple[int, int]], rest: int, cuts: list[int]
) -> None:
    channels = [np.array(pair, np.int16).reshape(2, 1) * square(1, 160, 2) for pair in windows]
    audio = np.concatenate([np.zeros((2, rest), np.int16), *channels], axis=1)
    meter = SilenceMeter(8000)

    for block in np.split(audio, sorted(cuts), axis=1):
        meter.feed(block)

    assert meter.seconds == seconds(audio) == slow_seconds(audio)


def slow_seconds(audio: AudioBlock) -> float:
    """The definition, window by window."""
    silent = 0
    for start in range(0, audio.shape[1] - 159, 160):
        loud = (rms_dbfs(audio[:, start : start + 160]) > -50).any()
        silent = 0 if loud else silent + 1
    return silent * 160 / 8000


def test_silence_is_counted_from_the_last_word() -> None:
    audio = np.concatenate([square(0, 8000), square(5000, 4000), square(0, 12000)], axis=1)

    assert seconds(audio) == 1.5


def test_silence_ends_with_the_first_word_of_either_channel() -> None:
    meter = SilenceMeter(8000)
    meter.feed(square(0, 16000, 2))
    assert meter.seconds == 2

    meter.feed(np.concatenate([square(0, 160), square(5000, 160)]))

    assert meter.seconds == 0


def test_only_audio_that_was_received_counts() -> None:
    meter = SilenceMeter(8000)
    for _ in range(100):
        meter.feed(np.zeros((1, 0), np.int16))

    assert meter.seconds == 0


def test_a_fill_of_minus_ones_is_silence() -> None:
    assert seconds(np.full((2, 8000), -1, np.int16)) == 1


@pytest.mark.parametrize(("threshold", "silent"), [(-20.1, 0.0), (-19.9, 1.0)])
def test_the_threshold_is_the_rms_that_still_is_silence(threshold: float, silent: float) -> None:
    tenth = square(3277, 8000)  # -20 dBFS

    assert seconds(tenth, threshold_dbfs=threshold) == silent


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 48000, 64000, 11025])
def test_a_second_of_silence_is_a_second_at_every_rate(rate: int) -> None:
    assert seconds(square(0, rate), rate) == pytest.approx(1, abs=0.02)


def test_a_rate_without_a_sample_in_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="20 ms"):
        SilenceMeter(49)

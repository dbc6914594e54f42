from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from listen_codecs.formats import AudioFormat, Mix
from listen_codecs.pcm import deinterleave
from listen_server.simulator.audio import call_pcm, lasting, mix_sides
from listen_server.simulator.errors import CallError

PARTY = np.array([[100, 30000, -30000, 4]], np.int16)
FAR = np.array([[1, 30000, -30000]], np.int16)


def mixed(mix: Mix, *sides: NDArray[np.int16]) -> list[list[int]]:
    listed: list[list[int]] = mix_sides(sides, AudioFormat(8000, mix)).tolist()
    return listed


def test_mono_is_the_party_on_this_endpoint_alone() -> None:
    assert mixed("mono", PARTY, FAR) == PARTY.tolist()


def test_stereo_has_the_party_in_channel_0_and_the_far_end_in_channel_1() -> None:
    assert mixed("stereo", PARTY, FAR) == [[100, 30000, -30000, 4], [1, 30000, -30000, 0]]


def test_a_far_end_that_is_missing_is_silent() -> None:
    assert mixed("stereo", PARTY) == [[100, 30000, -30000, 4], [0, 0, 0, 0]]
    assert mixed("mixed", PARTY) == PARTY.tolist()


def test_mixed_is_the_sum_clipped_and_not_wrapped() -> None:
    assert mixed("mixed", PARTY, FAR) == [[101, 32767, -32768, 4]]


def test_a_party_that_ends_early_is_silent_then() -> None:
    assert mixed("stereo", FAR, PARTY)[0] == [1, 30000, -30000, 0]


@pytest.mark.parametrize(
    ("frames", "expected"), [(2, [1, 2]), (3, [1, 2, 3]), (7, [1, 2, 3] * 2 + [1])]
)
def test_a_length_repeats_or_cuts_the_audio(frames: int, expected: list[int]) -> None:
    assert lasting(np.array([[1, 2, 3]], np.int16), frames).tolist() == [expected]


def save(path: Path, block: NDArray[np.int16], rate: int = 8000) -> Path:
    soundfile.write(path, block.T, rate, subtype="PCM_16")
    return path


def test_a_file_at_the_asked_rate_goes_out_sample_for_sample(tmp_path: Path) -> None:
    block = np.arange(-500, 500, dtype=np.int16).reshape(2, 500)
    file = save(tmp_path / "call.flac", block)

    pcm = call_pcm(file, AudioFormat(8000, "stereo"))

    assert np.array_equal(deinterleave(pcm, 2), block)


def test_two_files_are_the_two_ends(tmp_path: Path) -> None:
    near, far = save(tmp_path / "near.wav", PARTY), save(tmp_path / "far.wav", FAR)

    pcm = call_pcm(near, AudioFormat(8000, "stereo"), other=far)

    assert deinterleave(pcm, 2).tolist() == mixed("stereo", PARTY, FAR)


def test_a_file_at_another_rate_keeps_its_length_in_seconds(tmp_path: Path) -> None:
    file = save(tmp_path / "call.wav", np.zeros((1, 44100), np.int16), 44100)

    assert len(call_pcm(file, AudioFormat(16000, "mono"))) == 2 * 16000


def test_a_length_is_in_seconds_of_the_call(tmp_path: Path) -> None:
    file = save(tmp_path / "call.wav", PARTY)

    assert len(call_pcm(file, AudioFormat(16000, "stereo"), seconds=0.5)) == 4 * 8000


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CallError, match=r"there is no file nowhere\.wav; give a WAV or FLAC file"):
        call_pcm(Path("nowhere.wav"), AudioFormat(8000, "mono"))


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    file.write_text("hello")

    with pytest.raises(CallError, match=r"call\.wav is not readable as audio"):
        call_pcm(file, AudioFormat(8000, "mono"))


def test_a_directory_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="cannot be read: Is a directory"):
        call_pcm(tmp_path, AudioFormat(8000, "mono"))


def test_a_file_without_a_sample_makes_no_call(tmp_path: Path) -> None:
    file = save(tmp_path / "call.wav", np.zeros((1, 0), np.int16))

    with pytest.raises(CallError, match="has no audio"):
        call_pcm(file, AudioFormat(8000, "mono"))


def test_three_channels_are_one_too_many(tmp_path: Path) -> None:
    file = save(tmp_path / "call.wav", np.zeros((3, 10), np.int16))

    with pytest.raises(CallError, match="has 3 channels; a call has one or two"):
        call_pcm(file, AudioFormat(8000, "mono"))


def test_a_stereo_file_leaves_no_room_for_another(tmp_path: Path) -> None:
    both, far = save(tmp_path / "a.wav", np.zeros((2, 10), np.int16)), save(tmp_path / "b.wav", FAR)

    with pytest.raises(CallError, match="--other"):
        call_pcm(both, AudioFormat(8000, "mono"), other=far)

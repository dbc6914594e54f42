import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs.formats import AudioBlock
from listen_sinks.recording.track import Track


def ramp(channels: int, frames: int) -> AudioBlock:
    return np.arange(channels * frames, dtype=np.int16).reshape(channels, frames)


def play(path: Path) -> AudioBlock:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.reshape(-1, file.getnchannels()).T.astype(np.int16)


def test_a_track_takes_the_channels_that_are_its_own(tmp_path: Path) -> None:
    audio = ramp(2, 100)
    track = Track(tmp_path / "a", (1,), 8000, 2**20)

    track.write(audio)
    track.close()

    assert np.array_equal(play(tmp_path / "a.wav"), audio[[1]])


def test_no_file_is_made_before_there_is_audio(tmp_path: Path) -> None:
    track = Track(tmp_path / "a", (0,), 8000, 2**20)

    track.close()

    assert list(tmp_path.iterdir()) == []
    assert track.parts == []


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 40), max_size=8),
    most=st.integers(20, 60),
    channels=st.sampled_from([(0,), (1,), (0, 1)]),
)
def test_wherever_blocks_and_files_are_cut_the_samples_are_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    most: int,
    channels: tuple[int, ...],
) -> None:
    folder = tmp_path_factory.mktemp("track")
    audio = ramp(2, sum(lengths))
    track = Track(folder / "a", channels, 8000, 44 + 2 * len(channels) * most)

    at = 0
    for length in lengths:
        track.write(audio[:, at : at + length])
        at += length
    track.close()

    files = [play(part.path) for part in track.parts]
    joined = np.concatenate([np.zeros((len(channels), 0), np.int16), *files], axis=1)
    assert np.array_equal(joined, audio[list(channels)])
    assert all(0 < file.shape[1] <= most for file in files)
    assert [part.first_frame for part in track.parts] == list(range(0, at, most))


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"precious")
    track = Track(tmp_path / "a", (0,), 8000, 2**20)

    with pytest.raises(FileExistsError):
        track.write(ramp(1, 10))

    assert (tmp_path / "a.wav").read_bytes() == b"precious"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "elsewhere")
    track = Track(tmp_path / "a", (0,), 8000, 2**20)

    with pytest.raises(FileExistsError):
        track.write(ramp(1, 10))

    assert not (tmp_path / "elsewhere").exists()

import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import (
    SAMPLE_RATES,
    SUFFIXES,
    AudioBlock,
    AudioFormat,
    AudioInfo,
    Demux,
    Encoding,
    NoAudio,
    UnreadableAudio,
    audio_info,
    opus_rate,
    read_audio,
    read_blocks,
    resample,
    rms_dbfs,
    write_audio,
)

LOSSLESS: tuple[Encoding, ...] = ("wav", "flac")
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


def noise(channels: int, frames: int, seed: int = 0) -> AudioBlock:
    rng = np.random.default_rng(seed)
    return rng.integers(-32768, 32768, (channels, frames), np.int16)


def voice(channels: int, rate: int, seconds: float = 1.0) -> AudioBlock:
    """A hum of 200 Hz that swells and fades, differently in each channel."""
    time = np.arange(int(rate * seconds)) / rate
    swell = [np.sin(2 * np.pi * (1 + channel) * time) for channel in range(channels)]
    samples: AudioBlock = (9000 * np.stack(swell) * np.sin(400 * np.pi * time)).astype(np.int16)
    return samples


def written(block: AudioBlock, rate: int, encoding: Encoding) -> io.BytesIO:
    file = io.BytesIO()
    write_audio(file, [block], rate, block.shape[0], encoding)
    return file


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", LOSSLESS)
def test_wav_and_flac_keep_every_sample_at_every_rate(
    tmp_path: Path, encoding: Encoding, channels: int, rate: int
) -> None:
    file = tmp_path / f"call{SUFFIXES[encoding]}"
    block = noise(channels, 2 * rate + 7)

    write_audio(file, [block], rate, channels, encoding)

    samples, its_rate = read_audio(file)
    assert its_rate == rate
    assert np.array_equal(samples, block)
    others, _ = soundfile.read(file, dtype="int16", always_2d=True)
    assert np.array_equal(others.T, block)


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, 9000), max_size=20), encoding=st.sampled_from(LOSSLESS))
def test_how_audio_was_cut_into_blocks_does_not_matter(cuts: list[int], encoding: Encoding) -> None:
    whole = noise(2, 9000)  # more than a second
    file = io.BytesIO()

    write_audio(file, np.split(whole, sorted(cuts), axis=1), 8000, 2, encoding)

    assert np.array_equal(read_audio(file)[0], whole)


@pytest.mark.parametrize("encoding", LOSSLESS)
def test_blocks_of_the_wire_are_written_as_they_came(encoding: Encoding) -> None:
    wire = noise(1, 1600).tobytes()
    demux = Demux(AudioFormat(8000, "stereo"))
    file = io.BytesIO()

    blocks = (demux.feed(wire[at : at + 321]) for at in range(0, len(wire), 321))
    write_audio(file, blocks, 8000, 2, encoding)

    assert read_audio(file)[0].T.tobytes() == wire


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_opus_sounds_like_the_call_at_every_rate(channels: int, rate: int) -> None:
    block = voice(channels, rate)

    file = written(block, rate, "opus")
    heard, its_rate = read_audio(file)

    assert its_rate == (48000 if rate in (32000, 64000) else rate)
    expected = resample(block, rate, its_rate)
    assert heard.shape == expected.shape
    assert rms_dbfs(heard) == pytest.approx(rms_dbfs(expected), abs=1)
    for mine, theirs in zip(expected, heard, strict=True):
        assert np.corrcoef(mine, theirs)[0, 1] > 0.95
    assert len(file.getvalue()) < block.nbytes / 2


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 24000, 32000, 44100, 48000, 64000, 96000])
def test_a_rate_that_opus_lacks_becomes_the_next_one_that_it_has(rate: int) -> None:
    with io.BytesIO() as file:
        soundfile.write(file, np.zeros(100), opus_rate(rate), "OPUS", format="OGG")

    assert opus_rate(rate) >= min(rate, 48000)
    assert (opus_rate(rate) == rate) == (rate in (8000, 12000, 16000, 24000, 48000))


def test_loud_opus_does_not_wrap_around() -> None:
    square = np.where(np.arange(48000) // 40 % 2, 32767, -32768).astype(np.int16)[np.newaxis]

    heard, _ = read_audio(written(square, 48000, "opus"))

    assert np.mean(np.sign(heard) == np.sign(square)) > 0.99


def test_a_long_block_is_not_handed_over_in_one_piece() -> None:
    minutes = np.zeros((1, 8000 * 600), np.int16)

    assert audio_info(written(minutes, 8000, "flac")).seconds == 600
    assert audio_info(written(minutes[:, : 8000 * 60], 8000, "opus")).seconds == 60


def test_what_is_written_is_what_its_name_says_and_never_vorbis() -> None:
    kinds = {name: audio_info(written(voice(1, 8000), 8000, name)) for name in ENCODINGS}

    assert kinds == {
        "wav": AudioInfo(8000, 1, 8000, "WAV", "PCM_16"),
        "flac": AudioInfo(8000, 1, 8000, "FLAC", "PCM_16"),
        "opus": AudioInfo(8000, 1, 8000, "OGG", "OPUS"),
    }
    assert set(kinds) == set(SUFFIXES)
    with pytest.raises(ValueError, match="vorbis"):
        written(voice(1, 8000), 8000, "vorbis")  # type: ignore[arg-type]


@pytest.mark.parametrize("blocks", [[], [np.zeros((2, 0), np.int16)]])
def test_a_call_without_audio_can_only_be_a_wav(blocks: list[AudioBlock]) -> None:
    file = io.BytesIO()

    write_audio(file, blocks, 8000, 2, "wav")

    assert read_audio(file)[0].shape == (2, 0)
    for encoding in ("flac", "opus"):
        with pytest.raises(NoAudio):
            write_audio(io.BytesIO(), blocks, 64000, 2, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_that_was_longer_before_is_overwritten_whole(encoding: Encoding) -> None:
    file = written(noise(1, 50000), 8000, encoding)

    write_audio(file, [noise(1, 100)], 8000, 1, encoding)

    assert file.tell() == len(file.getvalue())
    assert read_audio(file)[0].shape == (1, 100)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_pipe_is_refused_because_headers_are_finished_last(encoding: Encoding) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as pipe, pytest.raises(ValueError, match="seekable"):
        write_audio(pipe, [], 8000, 1, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("block", "error"),
    [
        (np.zeros((1, 10), np.int16), ValueError),
        (np.zeros(10, np.int16), ValueError),
        (np.zeros((2, 10), np.float64), TypeError),
    ],
    ids=["channels", "axes", "dtype"],
)
def test_a_block_that_does_not_fit_is_refused(
    encoding: Encoding, block: AudioBlock, error: type[Exception]
) -> None:
    with pytest.raises(error, match="expected"):
        write_audio(io.BytesIO(), [block], 8000, 2, encoding)


class FullDisk(io.BytesIO):
    """A file on a disk with that many bytes left."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("room", [0, 43, 44, 100, 5000])
def test_a_full_disk_is_reported_as_such_and_not_as_noise_on_the_terminal(
    encoding: Encoding, room: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_audio(FullDisk(room), [noise(2, 8000)] * 3, 8000, 2, encoding)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_error_of_whoever_makes_the_audio_passes_through(encoding: Encoding) -> None:
    def blocks() -> Iterator[AudioBlock]:
        yield noise(1, 8000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_audio(io.BytesIO(), blocks(), 8000, 1, encoding)


@pytest.mark.parametrize("frames", [1, 999, 8000, 24001, 10**6])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_reading_in_blocks_gives_what_reading_at_once_gives(
    encoding: Encoding, frames: int
) -> None:
    file = written(voice(2, 8000, 0.5 if frames == 1 else 3), 8000, encoding)

    blocks = list(read_blocks(file, frames))

    assert np.array_equal(np.concatenate(blocks, axis=1), read_audio(file)[0])
    assert {block.shape[1] for block in blocks[:-1]} <= {frames}
    assert 0 < blocks[-1].shape[1] <= frames
    assert not any(block.flags.writeable for block in [*blocks, read_audio(file)[0]])
    assert not file.closed


def test_a_reader_can_stop_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    write_audio(file, [noise(1, 8000)], 8000, 1, "wav")

    blocks = read_blocks(file, 100)
    first = next(iter(blocks))
    blocks.close()  # type: ignore[attr-defined]  # and no ResourceWarning follows

    assert first.shape == (1, 100)


def test_a_block_without_frames_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="at least one"):
        list(read_blocks(io.BytesIO(), 0))


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floating_point_is_scaled_to_full_scale(subtype: str) -> None:
    file = io.BytesIO()
    wide = [0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, np.nan, np.inf]
    soundfile.write(file, np.array(wide), 8000, subtype, format="WAV")

    samples, _ = read_audio(file)

    expected = [0, 16384, -16384, 32767, -32768, 32767, -32768, 0, 32767]
    assert samples.tolist() == [expected]


def test_more_than_16_bits_are_cut_to_16() -> None:
    file = io.BytesIO()
    soundfile.write(file, noise(2, 100).T, 44100, "PCM_24", format="WAV")

    assert np.array_equal(read_audio(file)[0], noise(2, 100))


def test_only_what_is_in_a_file_counts_and_not_its_name(tmp_path: Path) -> None:
    file = tmp_path / "call.raw"
    write_audio(file, [noise(1, 10)], 8000, 1, "flac")

    assert audio_info(file).container == "FLAC"


@pytest.mark.parametrize("read", [read_audio, audio_info, lambda file: list(read_blocks(file))])
@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC" + bytes(99), bytes(5000), b"no audio" * 99])
def test_garbage_is_called_unreadable(read: object, data: bytes) -> None:
    assert callable(read)
    with pytest.raises(UnreadableAudio):
        read(io.BytesIO(data))


def test_a_flac_file_that_was_not_finished_is_called_unreadable() -> None:
    data = written(noise(1, 16000), 8000, "flac").getvalue()

    with pytest.raises(UnreadableAudio):
        read_audio(io.BytesIO(data[: len(data) // 2]))


@settings(deadline=None, max_examples=200)
@given(
    encoding=st.sampled_from(ENCODINGS),
    faults=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 2000),
)
def test_a_damaged_file_is_audio_or_unreadable_and_nothing_else(
    encoding: Encoding, faults: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(DAMAGEABLE[encoding])
    for place, value in faults:
        data[place % len(data)] = value

    try:
        block, rate = read_audio(io.BytesIO(data[: len(data) - cut]))
    except UnreadableAudio:
        return

    assert block.dtype == np.int16
    assert rate > 0


DAMAGEABLE = {
    encoding: written(voice(1, 8000, 0.5), 8000, encoding).getvalue() for encoding in ENCODINGS
}


def test_a_file_that_is_not_there_is_not_called_unreadable(tmp_path: Path) -> None:
    for read in (read_audio, audio_info):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nobody.wav")
    with pytest.raises(IsADirectoryError):
        read_audio(tmp_path)

import io
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import (
    MAX_DATA_BYTES,
    SAMPLE_RATES,
    NotAWav,
    WavHeader,
    interleave,
    read_wav_header,
    repair_wav,
    wav_header,
)

PCM = np.arange(-400, 400, dtype="<i2").tobytes()


def is_read_by_others(file: Path, rate: int, channels: int, pcm: bytes) -> bool:
    with wave.open(str(file)) as theirs:
        assert (theirs.getframerate(), theirs.getnchannels()) == (rate, channels)
        assert theirs.readframes(len(pcm)) == pcm
    samples, _ = soundfile.read(file, dtype="int16", always_2d=True)
    return interleave(samples.T) == pcm


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("said", [len(PCM), None], ids=["finished", "open"])
def test_everybody_reads_what_follows_the_header(
    tmp_path: Path, rate: int, channels: int, said: int | None
) -> None:
    file = tmp_path / "call.wav"

    file.write_bytes(wav_header(rate, channels, said) + PCM)

    assert is_read_by_others(file, rate, channels, PCM)


def test_the_header_is_the_44_bytes_that_everybody_knows() -> None:
    theirs = io.BytesIO()
    soundfile.write(theirs, np.zeros((100, 2), np.int16), 16000, "PCM_16", format="WAV")

    assert wav_header(16000, 2, 400) == theirs.getvalue()[:44]


@pytest.mark.parametrize("data_bytes", [0, 2, 2**31, MAX_DATA_BYTES, None])
def test_a_header_is_read_as_it_was_written(data_bytes: int | None) -> None:
    file = io.BytesIO(wav_header(24000, 1, data_bytes))

    assert read_wav_header(file) == WavHeader(24000, 1, data_bytes)


@pytest.mark.parametrize("size", [-2, 1, 3, MAX_DATA_BYTES + 1, MAX_DATA_BYTES + 2, 2**40])
def test_a_length_that_the_sizes_of_riff_cannot_say_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        wav_header(8000, 1, size)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (-1, 1), (2**32, 1), (8000, 0), (1, 32768)])
def test_a_format_that_the_header_cannot_say_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        wav_header(rate, channels, 0)


@pytest.mark.parametrize("header", [wav_header(8000, 2, None), wav_header(8000, 2, 0)])
@pytest.mark.parametrize("torn", [0, 1, 2, 3])
def test_a_recording_whose_writer_was_killed_is_repaired(
    tmp_path: Path, header: bytes, torn: int
) -> None:
    file = tmp_path / "killed.wav"
    file.write_bytes(header + PCM + bytes(torn))

    with file.open("r+b") as opened:
        assert repair_wav(opened) == len(PCM) // 4

    assert file.read_bytes() == wav_header(8000, 2, len(PCM)) + PCM
    assert is_read_by_others(file, 8000, 2, PCM)


def test_a_file_that_was_written_by_a_killed_process_is_repaired(tmp_path: Path) -> None:
    file = tmp_path / "killed.wav"
    program = (
        "import sys\nfrom listen_codecs import wav_header\n"
        "file = open(sys.argv[1], 'wb', buffering=0)\n"
        "file.write(wav_header(8000, 1, None))\n"
        "while True:\n    file.write(bytes(range(256)) + b'!'); print('more', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", program, file], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)

    with file.open("r+b") as opened:
        frames = repair_wav(opened)

    assert frames >= 20 * 257 // 2
    assert file.stat().st_size == 44 + 2 * frames
    assert len(soundfile.read(file)[0]) == frames


def test_a_file_cut_in_its_header_is_repaired() -> None:
    for length in range(36, 44):
        file = io.BytesIO(wav_header(16000, 2, None)[:length])

        assert repair_wav(file) == 0
        assert file.getvalue() == wav_header(16000, 2, 0)


@settings(deadline=None)
@given(pcm=st.binary(max_size=50), channels=st.integers(1, 3), said=st.integers(0, 99) | st.none())
def test_a_repair_done_twice_is_a_repair_done_once(
    pcm: bytes, channels: int, said: int | None
) -> None:
    size = None if said is None else said * 2 * channels
    file = io.BytesIO(wav_header(8000, channels, size) + pcm)

    frames = repair_wav(file)
    once = file.getvalue()

    assert frames == len(pcm) // (2 * channels)
    assert repair_wav(file) == frames
    assert file.getvalue() == once


def test_a_file_that_is_right_is_not_written_to(tmp_path: Path) -> None:
    file = tmp_path / "right.wav"
    file.write_bytes(wav_header(8000, 1, len(PCM)) + PCM)

    with file.open("rb") as read_only:
        assert repair_wav(read_only) == len(PCM) // 2


def test_a_recording_of_more_than_4_gib_keeps_all_its_audio(tmp_path: Path) -> None:
    file = tmp_path / "week.wav"
    with file.open("w+b") as opened:
        opened.write(wav_header(8000, 2, 0))
        opened.truncate(44 + 5 * 2**30)  # a sparse file: no disk is filled

        assert repair_wav(opened) == 5 * 2**30 // 4
        assert repair_wav(opened) == 5 * 2**30 // 4
        assert read_wav_header(opened) == WavHeader(8000, 2, None)

    assert os.path.getsize(file) == 44 + 5 * 2**30  # noqa: PTH202  # the size is the point
    assert soundfile.info(file).frames == (2**32 - 1) // 4


def foreign(**kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((100, 2)), 8000, **kind)
    return file.getvalue()


OURS = wav_header(8000, 1, 8)
FOREIGN = {
    "empty": b"",
    "4 bytes": b"RIFF",
    "35 bytes": OURS[:35],
    "44 zeros": bytes(44),
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "shifted": b"\x00" + OURS,
    "24 bits": foreign(format="WAV", subtype="PCM_24"),
    "float": foreign(format="WAV", subtype="FLOAT"),
    "mu-law": foreign(format="WAV", subtype="ULAW"),
    "extensible": foreign(format="WAVEX", subtype="PCM_16"),
    "FLAC": foreign(format="FLAC", subtype="PCM_16"),
    "another chunk behind": OURS[:4] + b"\x38\0\0\0" + OURS[8:] + b"8 bytes LIST\4\0\0\0more",
    "no channel": OURS[:22] + b"\0\0" + OURS[24:],
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_not_ours_is_left_alone(data: bytes) -> None:
    file = io.BytesIO(data)

    with pytest.raises(NotAWav):
        repair_wav(file)

    assert file.getvalue() == data

"""The 44 bytes in front of PCM in a WAV file, and their repair; files.py writes whole files.

Layout: RIFF size WAVE, `fmt ` chunk of 16 bytes for PCM, `data` chunk to the end of the file
(Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft, 1991). No other
chunk: a reader of 44 bytes knows everything, and the audio ends where the file ends.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

HEADER_BYTES: Final = 44
MAX_DATA_BYTES: Final = 0xFFFF_FFD8
"""The most audio that the 32-bit sizes of RIFF can count: 4 GiB less a header, 74 hours of
8 kHz mono and 4.6 hours of 64 kHz stereo."""

_OPEN: Final = 0xFFFF_FFFF
_LAYOUT: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT_BYTES: Final = 36  # of the header, up to the data chunk
_PCM: Final = 1
_MAX_CHANNELS: Final = 0x7FFF  # the bytes of a frame are a 16-bit field


class NotAWav(ValueError):  # noqa: N818  # reads as the finding it is
    """The file does not begin with the 44 bytes that `wav_header` makes."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What the header of a WAV file of ours says."""

    sample_rate: int  # Hz
    channels: int
    data_bytes: int | None  # None: until the end of the file


def wav_header(sample_rate: int, channels: int, data_bytes: int | None) -> bytes:
    """Return the 44 bytes that precede `data_bytes` bytes of interleaved s16le.

    With None the audio is as long as the file: both sizes are 0xFFFFFFFF, which libsndfile, SoX,
    FFmpeg and the standard library's `wave` read so. That is the header of a file that is still
    being written. Raises ValueError for more than MAX_DATA_BYTES, for half a sample frame, and
    for a rate or a number of channels that the header cannot say.
    """
    frame_bytes = 2 * channels
    if not (0 < channels <= _MAX_CHANNELS and 0 < sample_rate * frame_bytes <= _OPEN):
        raise ValueError(f"a WAV file cannot hold {channels} channel(s) at {sample_rate} Hz")
    if data_bytes is None:
        riff, data = _OPEN, _OPEN
    elif not 0 <= data_bytes <= MAX_DATA_BYTES:
        raise ValueError(f"a WAV file holds 0 to {MAX_DATA_BYTES} bytes of audio, not {data_bytes}")
    elif data_bytes % frame_bytes:
        raise ValueError(f"{data_bytes} bytes are no whole frames of {channels} channel(s)")
    else:
        riff, data = data_bytes + 36, data_bytes
    form = (b"RIFF", riff, b"WAVE", b"fmt ", 16, _PCM, channels)
    rates = (sample_rate, sample_rate * frame_bytes, frame_bytes, 16)
    return _LAYOUT.pack(*form, *rates, b"data", data)


def read_wav_header(file: BinaryIO) -> WavHeader:
    """Read the first 44 bytes of a seekable file; raise NotAWav if they are not ours.

    A header that a crash cut after its format (36 bytes) still counts, as open.
    """
    file.seek(0)
    start = file.read(HEADER_BYTES)
    if len(start) < _FORMAT_BYTES:
        raise NotAWav(f"a header has 44 bytes, the file {len(start)}")
    found = start + wav_header(8000, 1, None)[len(start) :]
    _, riff, _, _, _, _, channels, rate, _, _, _, _, data = _LAYOUT.unpack(found)
    try:
        ours = wav_header(rate, channels, None)
    except ValueError as error:
        raise NotAWav("the header names no possible format") from error
    if _without_sizes(found) != _without_sizes(ours):
        raise NotAWav("the file does not begin with a header of 44 bytes for 16-bit PCM")
    if 0 < data < riff - 36 and riff != _OPEN:
        raise NotAWav("the file has more chunks than its audio")
    return WavHeader(rate, channels, None if data == _OPEN else data)


def _without_sizes(header: bytes) -> bytes:
    return header[:4] + header[8:40]


def repair_wav(file: BinaryIO) -> int:
    """Make the header tell the file's real length, and return the length in frames.

    For a WAV file of this room whose writer was killed; `file` is open for reading and writing.
    A sample frame that was cut at the end goes. A file that is right is not written to, so doing
    it twice, or being killed while doing it, does no harm. A file with more audio than
    MAX_DATA_BYTES gets the sizes of an open one: FFmpeg then reads all of it, and others its
    first 4 GiB. Raises NotAWav and leaves the file alone if its header is not ours.
    """
    header = read_wav_header(file)
    frame_bytes = 2 * header.channels
    length = file.seek(0, os.SEEK_END)
    frames, torn = divmod(max(0, length - HEADER_BYTES), frame_bytes)
    if torn:
        file.truncate(length - torn)
    right = finished_header(header.sample_rate, header.channels, frames)
    file.seek(0)
    if file.read(HEADER_BYTES) != right:
        file.seek(0)
        file.write(right)
    return frames


def finished_header(sample_rate: int, channels: int, frames: int) -> bytes:
    """Return the header of a finished file: an open one if it is too long for RIFF to count."""
    data_bytes = 2 * channels * frames
    return wav_header(sample_rate, channels, data_bytes if data_bytes <= MAX_DATA_BYTES else None)

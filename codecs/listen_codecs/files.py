"""Audio files: WAV and FLAC to the sample, Ogg Opus for the ear; wav.py knows WAV's header.

Never Vorbis: libsndfile 1.2 kills the process when it encodes a long block. Opus shares the
container, not the fault; still, no more than a second is handed over at once.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from listen_codecs.formats import AudioBlock
from listen_codecs.guarded import InOrder, guarded
from listen_codecs.pcm import interleave
from listen_codecs.resampling import Resampler
from listen_codecs.wav import finished_header, wav_header

Encoding: TypeAlias = Literal["wav", "flac", "opus"]
Source: TypeAlias = Path | BinaryIO

SUFFIXES: Final[dict[Encoding, str]] = {"wav": ".wav", "flac": ".flac", "opus": ".opus"}
OPUS_RATES: Final = (8000, 12000, 16000, 24000, 48000)  # Hz; RFC 6716, section 2.1.3
"""What libsndfile takes for Opus; 32000 and 64000 Hz become 48000."""

_READ_FRAMES: Final = 65536
_WHOLE_NUMBERS: Final = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")


class UnreadableAudio(ValueError):  # noqa: N818  # reads as the finding it is
    """A file is no audio, or none that can be read."""


class NoAudio(ValueError):  # noqa: N818  # reads as the finding it is
    """FLAC and Ogg Opus cannot hold a recording without a sample. WAV can."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of an audio file says of it."""

    sample_rate: int  # Hz
    channels: int
    frames: int
    container: str  # libsndfile's word: WAV, FLAC, OGG, ...
    codec: str  # libsndfile's word: PCM_16, OPUS, ...

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / self.sample_rate


def opus_rate(sample_rate: int) -> int:
    """Return the rate in Hz that Opus is written at: the next one that it has, at most 48000."""
    return next((rate for rate in OPUS_RATES if rate >= sample_rate), OPUS_RATES[-1])


def write_audio(
    target: Path | BinaryIO,
    blocks: Iterable[AudioBlock],
    sample_rate: int,
    channels: int,
    encoding: Encoding,
) -> None:
    """Write blocks of shape (channels, frames), int16, as one file, a second at a time.

    `target` is a path, which is overwritten, or a seekable file, which is emptied first and left
    open at its end. `sample_rate` is in Hz; Opus is resampled to `opus_rate` of it. WAV and FLAC
    keep every sample, at any rate. Slow for Opus (8 ms of CPU per second of 8 kHz mono): not for
    an event loop. Raises ValueError for a block of another shape, TypeError for another dtype,
    NoAudio if there is no sample for FLAC or Opus, OSError if the file does; what was written
    until then stays, and is no valid file.
    """
    if not isinstance(target, Path):
        if not target.seekable():
            raise ValueError("headers are finished at the end: the target must be seekable")
        target.seek(0)
        target.truncate()
    with target.open("wb") if isinstance(target, Path) else nullcontext(target) as file:
        pieces = _pieces(blocks, channels, sample_rate)
        if encoding == "wav":
            _write_wav(file, pieces, sample_rate, channels)
        elif encoding == "flac":
            _encode(file, pieces, sample_rate, channels, ("FLAC", "PCM_16"))
        elif encoding == "opus":
            rate = opus_rate(sample_rate)
            pieces = _resampled(pieces, sample_rate, rate)
            _encode(file, pieces, rate, channels, ("OGG", "OPUS"))
        else:
            raise ValueError(f"{encoding!r} is not one of {', '.join(SUFFIXES)}")


def read_audio(source: Source) -> tuple[AudioBlock, int]:
    """Return all samples as (channels, frames), int16, read-only, and their rate in Hz.

    Reads what libsndfile reads (WAV, FLAC, Ogg, MP3, AIFF, ...), and `source` from its start.
    More than 16 bits are cut down to 16; floating point is scaled from -1..1, and clipped.
    Raises UnreadableAudio, or OSError if the file does. It is all in memory then: `read_blocks`
    is for files of unknown size.
    """
    with _opened(source) as sound:
        empty = np.zeros((0, sound.channels), np.int16)
        samples = np.concatenate([empty, *_read(sound, _READ_FRAMES)])
        samples.flags.writeable = False
        return samples.T, int(sound.samplerate)


def read_blocks(source: Source, frames: int = 8000) -> Iterator[AudioBlock]:
    """Yield all samples as blocks of (channels, `frames`), the last one shorter, never empty.

    Otherwise as `read_audio`; errors come with the block that they concern. A cut WAV or Ogg file
    just ends early, a cut FLAC file raises UnreadableAudio where it is cut.
    """
    if frames < 1:
        raise ValueError(f"a block has at least one frame, not {frames}")
    with _opened(source) as sound:
        for samples in _read(sound, frames):
            samples.flags.writeable = False
            yield samples.T


def audio_info(source: Source) -> AudioInfo:
    """Read the header of an audio file; raise UnreadableAudio, or OSError if the file does."""
    with _opened(source) as sound:
        about = (sound.samplerate, sound.channels, sound.frames)
        return AudioInfo(*about, container=sound.format, codec=sound.subtype)


def _pieces(blocks: Iterable[AudioBlock], channels: int, longest: int) -> Iterator[AudioBlock]:
    for block in blocks:
        if block.ndim != 2 or block.shape[0] != channels:  # noqa: PLR2004  # channels and frames
            raise ValueError(f"expected blocks of shape ({channels}, frames), got {block.shape}")
        if block.dtype != np.int16:
            raise TypeError(f"expected samples of int16, got {block.dtype}")
        for start in range(0, block.shape[1], longest):
            yield block[:, start : start + longest]


def _resampled(blocks: Iterable[AudioBlock], rate: int, to_rate: int) -> Iterator[AudioBlock]:
    resampler = Resampler(rate, to_rate)
    for block in blocks:
        yield resampler.feed(block)
    yield resampler.flush()


def _write_wav(file: BinaryIO, blocks: Iterable[AudioBlock], rate: int, channels: int) -> None:
    file.write(wav_header(rate, channels, None))
    frames = 0
    for block in blocks:
        file.write(interleave(block))
        frames += block.shape[1]
    end = file.tell()
    file.seek(0)
    file.write(finished_header(rate, channels, frames))
    file.seek(end)


def _encode(
    file: BinaryIO, blocks: Iterable[AudioBlock], rate: int, channels: int, kind: tuple[str, str]
) -> None:
    container, codec = kind
    frames = 0
    with (
        guarded(file) as lent,
        InOrder(lent, "w", rate, channels, codec, format=container) as sound,
    ):
        for block in blocks:
            if block.size and not lent.error:
                sound.write(np.ascontiguousarray(block.T))
                frames += block.shape[1]
    if not frames:
        raise NoAudio(f"there is no sample to write as {codec}")
    file.seek(0, 2)


@contextmanager
def _opened(source: Source) -> Iterator[InOrder]:
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        file.seek(0)
        try:
            with guarded(file) as lent, InOrder(lent) as sound:
                yield sound
        except soundfile.LibsndfileError as error:
            raise UnreadableAudio(f"not readable as audio: {error.error_string}") from None


def _read(sound: InOrder, frames: int) -> Iterator[NDArray[np.int16]]:
    """Yield samples of shape (frames, channels), never more than asked at once.

    The length in the header is never believed: a file that lies must not size an allocation.
    """
    whole = sound.subtype in _WHOLE_NUMBERS
    while True:
        samples = sound.read(frames, "int16" if whole else "float32", always_2d=True)
        if not len(samples):
            return
        # As int16, libsndfile cuts floating point to 0 and lets loud Opus wrap around.
        yield samples if whole else _scaled(samples)


def _scaled(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    steps: NDArray[np.float32] = np.rint(np.clip(np.nan_to_num(samples), -1, 1) * np.float32(32768))
    return np.minimum(steps, 32767).astype(np.int16)

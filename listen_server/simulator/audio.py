"""Audio files as the two sides of a call. script.py cuts what comes out into packets."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.pcm import interleave
from listen_codecs.resampling import resample
from listen_server.simulator.errors import CallError


def load_sides(
    file: Path, audio_format: AudioFormat, *, other: Path | None = None
) -> list[AudioBlock]:
    """Read who speaks on this endpoint and who on the far end: one or two blocks.

    Each has shape (1, frames), int16, at the format's rate. A file with two channels has both
    sides; `other` is the far end of a file with one. Raises CallError.
    """
    sides = _read(file, audio_format.sample_rate)
    if len(sides) > 2:  # noqa: PLR2004  # a call has two ends
        raise CallError(f"{file} has {len(sides)} channels", "a call has one or two")
    if other is None:
        return sides
    far = _read(other, audio_format.sample_rate)
    if len(sides) + len(far) > 2:  # noqa: PLR2004  # a call has two ends
        raise CallError("--other needs two files of one channel", "leave --other out")
    return sides + far


def mix_sides(sides: Sequence[AudioBlock], audio_format: AudioFormat) -> AudioBlock:
    """Return what the media server forks: (channels, frames), int16.

    `mono` is the party on this endpoint alone, `stereo` has the far end in channel 1, `mixed`
    is their sum, clipped. A side that is missing or ends early is silent.
    """
    party = sides[0]
    if audio_format.mix == "mono":
        return party
    frames = max(side.shape[1] for side in sides)
    both = np.zeros((2, frames), np.int16)
    for channel, side in zip(both, sides, strict=False):
        channel[: side.shape[1]] = side[0]
    if audio_format.mix == "stereo":
        return both
    total = both.sum(axis=0, dtype=np.int32, keepdims=True)
    mixed: AudioBlock = np.clip(total, -32768, 32767).astype(np.int16)
    return mixed


def lasting(block: AudioBlock, frames: int) -> AudioBlock:
    """Return the block repeated from its start, or cut, to so many frames."""
    times = -(-frames // max(1, block.shape[1]))
    repeated: AudioBlock = np.tile(block, times)[:, :frames]
    return repeated


def call_pcm(
    file: Path,
    audio_format: AudioFormat,
    *,
    other: Path | None = None,
    seconds: float | None = None,
) -> bytes:
    """Return the audio of a call as it goes over the wire: interleaved s16le.

    `seconds` repeats or cuts it to a length. Raises CallError.
    """
    block = mix_sides(load_sides(file, audio_format, other=other), audio_format)
    if block.shape[1] == 0:
        raise CallError(f"{file} has no audio", "give a file with sound in it")
    if seconds is not None:
        block = lasting(block, round(seconds * audio_format.sample_rate))
    return interleave(block)


def _read(file: Path, sample_rate: int) -> list[AudioBlock]:
    try:
        block, rate = read_audio(file)
    except FileNotFoundError:
        raise CallError(f"there is no file {file}", "give a WAV or FLAC file") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CallError(f"{file} cannot be read: {why}", "give a WAV or FLAC file") from None
    except ValueError as error:
        why = str(error).rstrip(".")
        raise CallError(f"{file} is {why}", "give a WAV or FLAC file") from None
    if rate != sample_rate:
        block = resample(block, rate, sample_rate)
    return [block[channel : channel + 1] for channel in range(block.shape[0])]

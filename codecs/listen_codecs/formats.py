"""What a stream of audio is: its rate and its channels. demux.py cuts bytes by it."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mix: TypeAlias = Literal["mono", "stereo", "mixed"]
AudioBlock: TypeAlias = NDArray[np.int16]
"""Samples of shape (channels, frames), int16, read-only: everybody who gets one shares it."""

MIXES: Final[tuple[Mix, ...]] = ("mono", "stereo", "mixed")
SAMPLE_RATES: Final = (8000, 16000, 24000, 32000, 48000, 64000)  # Hz
"""The rates of jambonz's `listen` verb (its reference names all but 32000, which its media
server takes as well: any multiple of 8000)."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The format of signed 16-bit little-endian PCM as jambonz forks it.

    `mono` is what the party on this endpoint says; `mixed` is both directions summed into
    one channel; `stereo` has that party in channel 0 and what is sent to it in channel 1.
    """

    sample_rate: int  # Hz
    mix: Mix

    def __post_init__(self) -> None:
        if self.sample_rate not in SAMPLE_RATES:
            raise ValueError(f"sample rate {self.sample_rate} is not one of {SAMPLE_RATES}")
        if self.mix not in MIXES:
            raise ValueError(f"mix {self.mix!r} is not one of {MIXES}")

    @property
    def channels(self) -> int:
        """Channels on the wire: two only for stereo."""
        return 2 if self.mix == "stereo" else 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample in every channel."""
        return 2 * self.channels

    def seconds(self, frames: int) -> float:
        """How long that many frames last."""
        return frames / self.sample_rate

"""What the stand-in makes of a stream's audio: utterances. ear.py finds the sounds."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from listen_sinks.transcript.google.stand_in.ear import SHORTEST, Ear, Sound

PAUSE: Final = 0.5
"""Seconds of silence that end an utterance."""
MOST_SOUNDS: Final = 12
"""Sounds after which one ends anyway; how many exactly, chance decides."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said so far since the last final result of a channel."""

    sounds: tuple[Sound, ...]
    end: float  # seconds of the stream
    is_final: bool

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(sound.word for sound in self.sounds)

    @property
    def pieces(self) -> list[tuple[str, float]]:
        """The transcript as Google gives it, with its stability: a last interim word is a guess."""
        if self.is_final or len(self.sounds) == 1:
            return [(self.text, 0.0 if self.is_final else 0.9)]
        *sure, guess = (sound.word for sound in self.sounds)
        return [(" ".join(sure), 0.9), (f" {guess}", 0.01)]


class Channel:
    """Hears one channel of a stream."""

    def __init__(self, sample_rate: int, chance: random.Random) -> None:
        self._ear = Ear(sample_rate)
        self._chance = chance
        self._sounds: list[Sound] = []
        self._most = self._draw()

    def hear(self, samples: NDArray[np.int16]) -> Iterator[Utterance]:
        """Take samples, (frames,), int16."""
        news = False
        for sound in self._ear.hear(samples):
            if sound.end - sound.start < SHORTEST:
                continue
            self._sounds.append(sound)
            news = True
            if len(self._sounds) >= self._most:
                yield self._final(sound.end)
                news = False
        if self._sounds and self._ear.silence >= PAUSE:
            yield self._final(self._ear.seconds)
        elif self._sounds and news:
            yield Utterance(tuple(self._sounds), self._sounds[-1].end, is_final=False)

    def end(self) -> Iterator[Utterance]:
        """Give what is left."""
        self._sounds += self._ear.end()
        if self._sounds:
            yield self._final(max(self._ear.seconds, self._sounds[-1].end))

    def _final(self, end: float) -> Utterance:
        utterance = Utterance(tuple(self._sounds), end, is_final=True)
        self._sounds = []
        self._most = self._draw()
        return utterance

    def _draw(self) -> int:
        return self._chance.randint(3, MOST_SOUNDS)


class Hearing:
    """Hears all channels of a stream."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        chance = random.Random(1)  # noqa: S311 - the same audio is heard the same in each stream
        self._channels = [Channel(sample_rate, chance) for _ in range(channels)]
        self._sample_rate = sample_rate
        self._rest = b""
        self.seconds = 0.0  # of audio

    def hear(self, audio: bytes) -> Iterator[tuple[int, Utterance]]:
        """Take s16le, channels interleaved; give utterances with their channel."""
        data = self._rest + audio
        frame = 2 * len(self._channels)
        whole = len(data) - len(data) % frame
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").reshape(-1, len(self._channels))
        self.seconds += len(samples) / self._sample_rate
        for number, channel in enumerate(self._channels):
            for utterance in channel.hear(samples[:, number]):
                yield number, utterance

    def end(self) -> Iterator[tuple[int, Utterance]]:
        """Give what is left."""
        for number, channel in enumerate(self._channels):
            for utterance in channel.end():
                yield number, utterance

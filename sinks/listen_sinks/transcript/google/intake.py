"""Blocks of a stream become requests for Google: the rate, the size, and who speaks.

Google takes 8 to 48 kHz (speech models work at 16), and recommends requests of about 100 ms.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.resampling import Resampler
from listen_sinks.transcript.voice import VoiceActivity

HIGHEST_RATE: Final = 48000  # Hz
RESAMPLED: Final = 16000  # Hz
REQUEST: Final = 0.1  # seconds
SHORTEST: Final = 0.06
"""Seconds of a block that are not kept for the next one: a tick is not always as long."""
STRICTNESS: Final = 0
"""Of the voice activity detector: noise may pass for speech, no speech for noise."""


class Intake:
    """Cuts one stream; how it comes never changes which samples leave."""

    def __init__(self, audio_format: AudioFormat, largest: int, *, voice_activity: bool) -> None:
        """Take the most bytes of a request."""
        rate, channels = audio_format.sample_rate, audio_format.channels
        self.sample_rate = rate if rate <= HIGHEST_RATE else RESAMPLED
        self.channels = channels
        self._most = min(round(REQUEST * self.sample_rate), largest // (2 * channels))
        self._least = min(round(SHORTEST * self.sample_rate), self._most)
        self._resampler = Resampler(rate, self.sample_rate)
        self._voice = (
            VoiceActivity(self.sample_rate, channels, strictness=STRICTNESS)
            if voice_activity
            else None
        )
        self._rest: list[AudioBlock] = []
        self._frames = 0  # of the rest

    def feed(self, block: AudioBlock) -> Iterator[tuple[AudioBlock, list[bool]]]:
        """Take a block; give what is enough for a request, and which channels speak in it."""
        audio = self._resampler.feed(block)
        least = self._least if audio.shape[1] >= self._least else self._most
        yield from self._take(audio, least)

    def flush(self, *, end: bool) -> Iterator[tuple[AudioBlock, list[bool]]]:
        """Give what is left, at a pause or at the end of the stream."""
        nothing = np.empty((self.channels, 0), np.int16)
        yield from self._take(self._resampler.flush() if end else nothing, 1)

    def _take(self, block: AudioBlock, least: int) -> Iterator[tuple[AudioBlock, list[bool]]]:
        if block.shape[1]:
            self._rest.append(block)
            self._frames += block.shape[1]
        if self._frames < least:
            return
        audio = self._rest[0] if len(self._rest) == 1 else np.concatenate(self._rest, axis=1)
        start = 0
        while self._frames >= least:
            piece = audio[:, start : start + self._most]
            start += piece.shape[1]
            self._frames -= piece.shape[1]
            yield piece, self._spoken(piece)
        self._rest = [audio[:, start:]] if self._frames else []

    def _spoken(self, piece: AudioBlock) -> list[bool]:
        if self._voice is None:
            return [True] * self.channels
        return [bool(windows.any()) for windows in self._voice.feed(piece)]

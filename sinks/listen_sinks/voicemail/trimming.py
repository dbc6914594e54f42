"""Silence at the beginning and at the end of a message, left out of a view of it.

Nothing that is stored changes: playback.py has the view. What silence is, codecs' levels say, or
the transcript's voice.py: there the noise of a line is silence, too.
"""

import asyncio
from typing import Final, Literal, TypeAlias

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_codecs.levels import SilenceMeter
from listen_sinks.transcript.voice import WINDOW, VoiceActivity, sustained
from listen_sinks.voicemail.playback import Playback

By: TypeAlias = Literal["level", "voice"]

MARGIN: Final = 0.25  # seconds of silence that stay, so that no breath is cut
_STRICTEST: Final = 3  # of voice.py: milder, the hiss after a word passes for speech
_LEAST_RATE: Final = 50  # Hz, of what can be measured


async def trimmed(playback: Playback, margin: float = MARGIN, *, by: By = "level") -> Playback:
    """Return a view from where somebody is first heard to where somebody last is.

    What is silent throughout stays as it is. Reads all of it.
    """
    if playback.sample_rate < _LEAST_RATE:
        return playback
    found = await (_loud(playback) if by == "level" else _spoken(playback))
    if found is None:
        return playback
    spare = round(margin * playback.sample_rate)
    return playback.view(max(found[0] - spare, 0), min(found[1] + spare, playback.frames))


async def _loud(playback: Playback) -> tuple[int, int] | None:
    ends = _Ends(playback.sample_rate)
    async for block in playback.blocks():
        await asyncio.to_thread(ends.feed, block)
    return None if ends.first is None else (ends.first, ends.last)


async def _spoken(playback: Playback) -> tuple[int, int] | None:
    activity = VoiceActivity(playback.sample_rate, playback.channels, strictness=_STRICTEST)
    spoken = [await asyncio.to_thread(activity.feed, block) async for block in playback.blocks()]
    if not spoken:
        return None
    windows = np.flatnonzero(sustained(np.concatenate(spoken, axis=1)).any(axis=0))
    if not windows.size:
        return None
    frames = WINDOW * playback.sample_rate
    return round(windows[0] * frames), round((windows[-1] + 1) * frames)


class _Ends:
    """Where the first sound begins and the last one ends, in frames, exact to 20 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._meter = SilenceMeter(sample_rate)
        self._frames = 0
        self.first: int | None = None

    @property
    def last(self) -> int:
        """Return the frame behind the last sound."""
        return self._frames - round(self._meter.seconds * self._rate)

    def feed(self, block: AudioBlock) -> None:
        """Take the next samples, (channels, frames), int16."""
        if self.first is None:
            # Silence in front of a sound is silence behind it, in the block read backwards.
            backwards = SilenceMeter(self._rate)
            backwards.feed(block[:, ::-1])
            silent = round(backwards.seconds * self._rate)
            if silent + self._window <= block.shape[1]:
                self.first = self._frames + silent
        self._meter.feed(block)
        self._frames += block.shape[1]

    @property
    def _window(self) -> int:
        return self._rate // 50

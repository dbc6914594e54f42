"""Where an engine's audio comes from: the ring; what is older, from a sink that keeps it (kept.py).

    kept by a sink, sealed ......|.. ring, in memory ..| now
                 ^ an engine that was away goes on here, at PACE times real time

session.py gives it to its engine, and marks what cannot be had.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.transcript.kept import KeptAudio
from listen_sinks.transcript.ring import Piece, Ring

log = structlog.get_logger(__name__)

PACE: Final = 3.0
"""Times real time at which an engine gets what it missed while the call is on: Google's limit."""
STRETCH: Final = 5.0
"""Seconds that are read at once, and are in memory."""
BLOCK: Final = 0.5
"""Seconds of them that an engine gets at once, at most."""
_READING: Final = 10.0  # seconds that a stretch may take


class Source:
    """The audio of one stream, by frame: the newest at once, older as long as it is lent."""

    def __init__(
        self,
        audio_format: AudioFormat,
        *,
        ring_seconds: float,
        catch_up: float,
        kept: Callable[[], KeptAudio | None],
    ) -> None:
        """Take how many seconds are kept here, how many are read again, and who may have them."""
        self._rate = audio_format.sample_rate
        self._ring = Ring(round(ring_seconds * self._rate))
        self._most_behind = round(catch_up * self._rate)
        self._kept = kept
        self._stretch = (0, 0)  # frames that were read last, from and to
        self._found: list[Piece] = []  # what there was of them
        self._next_at = 0.0  # when the engine may get more of it, on the monotonic clock
        self._told = False  # that nothing could be read

    @property
    def end(self) -> int:
        """The frame of the stream that comes next."""
        return self._ring.end

    def put(self, block: AudioBlock) -> None:
        """Take samples of shape (channels, frames), int16. Never waits."""
        self._ring.put(block)

    def skip(self, frames: int) -> None:
        """Leave out audio that never came here; a sink that keeps the stream may have it."""
        self._ring.skip(frames)

    def forget(self, before: int) -> None:
        """Let go of audio that nobody will ask for."""
        self._ring.forget(before)

    async def next(self, position: int, *, ended: bool) -> Piece | None:
        """Return what follows a frame; None if there is nothing (yet).

        It begins later where the audio between cannot be had. `ended`: no more will come, and
        nobody waits for live words, so that it comes as fast as it is taken.
        """
        piece = self._ring.after(position)
        until = piece.start if piece else self._ring.end if ended else position
        if until > position and (older := await self._older(position, until)) is not None:
            if not ended:
                await self._pace(older)
            return older
        self._stretch, self._found = (0, 0), []
        return piece

    async def _older(self, position: int, until: int) -> Piece | None:
        """Find the first audio between two frames, in somebody else's keeping."""
        position = max(position, self._ring.end - self._most_behind)
        while position < until:
            start, stop = self._stretch
            if not start <= position < stop:
                stop = min(until, position + round(STRETCH * self._rate))
                if not await self._fetch(position, stop):
                    return None
            if found := self._in_stretch(position, until):
                return found
            position = stop
        return None

    def _in_stretch(self, position: int, until: int) -> Piece | None:
        for start, block in self._found:
            first = max(position, start)
            stop = min(until, start + block.shape[1], first + round(BLOCK * self._rate))
            if first < stop:
                return Piece(first, block[:, first - start : stop - start])
        return None

    async def _fetch(self, start: int, stop: int) -> bool:
        """Read a stretch; return whether there is anybody to read from."""
        self._stretch, self._found = (0, 0), []
        kept = self._kept()
        if kept is None:
            return False
        try:
            async with asyncio.timeout(_READING):
                self._found = list(await kept.read(start, stop))
        except Exception as error:  # noqa: BLE001 - theirs, whatever it is: the engine goes on
            if not self._told:
                log.warning("what an engine missed cannot be read", error=type(error).__name__)
            self._told = True
            return False
        self._stretch = start, stop
        return True

    async def _pace(self, piece: Piece) -> None:
        now = time.monotonic()
        await asyncio.sleep(max(0.0, self._next_at - now))
        seconds = piece.block.shape[1] / self._rate
        self._next_at = max(now, self._next_at) + seconds / PACE

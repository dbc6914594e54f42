"""A message as one stretch of audio, its parts in order: samples, bytes, a WAV file, an outline.

store.py opens it; exports.py makes FLAC and Opus of it. Nothing is held but what was asked for.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import deinterleave
from listen_codecs.peaks import PeakCollector
from listen_codecs.wav import HEADER_BYTES, finished_header
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.outline import Outline
from listen_sinks.voicemail.part_audio import PartAudio, damaged

_STEP: Final = 64 * 16384
"""Bytes of audio that are read at once where all of it is."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some frames in a row: of a part, or silence for those that are lost."""

    frames: int
    audio: PartAudio | None


class Playback:
    """What can be heard of a message. Every read touches only the chunks that it needs.

    Lost audio with audio behind it is silence of the same length, so that times stay true; lost
    audio at the end is left out. Reads raise ObjectsAway.
    """

    def __init__(
        self,
        message: str,
        parts: Sequence[PartAudio],
        *,
        lost: Sequence[Finding] = (),
        outline: Outline | None = None,
    ) -> None:
        """Join parts that have a sample rate and channels in common; none at all is silence."""
        self.message = message
        self.sample_rate = parts[0].sample_rate if parts else 8000  # Hz
        self.channels = parts[0].channels if parts else 1
        self.frame_bytes = 2 * self.channels
        self._stretches = tuple(_joined(parts))
        self.frames = sum(stretch.frames for stretch in self._stretches)
        self._outline = outline
        self._from = 0  # the frame that is the first to be heard
        self._known = [*lost, *(finding for part in parts for finding in part.findings)]
        self._damaged: dict[int, set[int]] = {}

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / self.sample_rate

    @property
    def wav_bytes(self) -> int:
        """Bytes of it as a WAV file."""
        return HEADER_BYTES + self.frames * self.frame_bytes

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is not right, as far as it has been read: damage shows when it is met."""
        met = (damaged(part, tuple(sorted(chunks))) for part, chunks in self._damaged.items())
        return tuple(sorted([*self._known, *met], key=lambda finding: finding.part))

    def view(self, start: int, stop: int) -> "Playback":
        """Return some of its frames as a playback of their own; what is stored stays as it is."""
        start, stop = _sliced(start, stop, self.frames)
        seen = copy.copy(self)
        seen._narrow(start, max(stop - start, 0))  # noqa: SLF001 - it is one of us
        return seen

    async def samples(self, start: int = 0, stop: int | None = None) -> AudioBlock:
        """Return frames as a slice would: shape (channels, frames), int16, read-only."""
        start, stop = _sliced(start, stop, self.frames)
        return deinterleave(await asyncio.to_thread(self._frames, start, stop), self.channels)

    async def plain(self, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of the interleaved s16le audio, as a slice would."""
        start, stop = _sliced(start, stop, self.frames * self.frame_bytes)
        if start >= stop:
            return b""
        first, end = start // self.frame_bytes, -(-stop // self.frame_bytes)
        found = await asyncio.to_thread(self._frames, first, end)
        skipped = start - first * self.frame_bytes
        return found[skipped : skipped + stop - start]

    async def wav(self, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of the WAV file, as a slice would; the header is made here."""
        start, stop = _sliced(start, stop, self.wav_bytes)
        if start >= stop:
            return b""
        header = finished_header(self.sample_rate, self.channels, self.frames)
        behind = max(start - HEADER_BYTES, 0), max(stop - HEADER_BYTES, 0)
        return header[start:stop] + await self.plain(*behind)

    async def wav_blocks(
        self, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield what `wav` returns, a mebibyte at a time."""
        start, stop = _sliced(start, stop, self.wav_bytes)
        for at in range(start, stop, _STEP):
            yield await self.wav(at, min(at + _STEP, stop))

    async def blocks(self) -> AsyncGenerator[AudioBlock, None]:
        """Yield all samples as blocks of (channels, frames), none of them empty."""
        step = _STEP // self.frame_bytes
        for at in range(0, self.frames, step):
            yield await self.samples(at, at + step)

    async def outline(self) -> Outline:
        """Return the peaks that were sealed with the message, else those of all of its audio."""
        if self._outline is not None:
            return self._outline
        collector = PeakCollector()
        async for block in self.blocks():
            await asyncio.to_thread(collector.feed, block)
        return Outline(collector.peaks, collector.frames_per_bucket)

    def _narrow(self, start: int, frames: int) -> None:
        self._from, self.frames, self._outline = self._from + start, frames, None

    def _frames(self, start: int, stop: int) -> bytes:
        found = bytearray()
        start, stop = start + self._from, stop + self._from
        at = 0
        for stretch in self._stretches:
            first, end = max(start, at) - at, min(stop, at + stretch.frames) - at
            if first < end:
                found += self._stretch(stretch, first, end)
            at += stretch.frames
        return bytes(found)

    def _stretch(self, stretch: _Stretch, first: int, end: int) -> bytes:
        if stretch.audio is None:
            return bytes((end - first) * self.frame_bytes)
        plain, chunks = stretch.audio.salvage(first, end)
        if chunks:
            self._damaged.setdefault(stretch.audio.part.part, set()).update(chunks)
        return plain


def _joined(parts: Sequence[PartAudio]) -> Iterable[_Stretch]:
    for number, audio in enumerate(parts, start=1):
        yield _Stretch(audio.frames, audio)
        lost = audio.part.frames - audio.frames
        if lost > 0 and number < len(parts):
            yield _Stretch(lost, None)


def _sliced(start: int, stop: int | None, length: int) -> tuple[int, int]:
    return max(start, 0), length if stop is None else min(stop, length)

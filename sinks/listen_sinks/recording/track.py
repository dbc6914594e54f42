"""One growing WAV file: of all channels or of one, going on in another file when it is full.

Its sizes are right after every write, so that a player can open it at any time. Every method
blocks: group_writer.py and open_recording.py call them in threads.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import interleave
from listen_codecs.wav import wav_header
from listen_sinks.folders import create_file


@dataclass(slots=True)
class Part:
    """One file of a track, and what of the stream is in it."""

    path: Path
    channels: tuple[int, ...]  # of the stream
    first_frame: int
    frames: int = 0


class Track:
    """Writes some channels of a stream, in order, to as many files as the size limit asks for."""

    def __init__(
        self, stem: Path, channels: tuple[int, ...], sample_rate: int, max_file_bytes: int
    ) -> None:
        self.parts: list[Part] = []
        self._stem = stem
        self._channels = channels
        self._rate = sample_rate  # Hz
        self._frame_bytes = 2 * len(channels)
        self._header_bytes = len(self._header(0))
        self._most_frames = (max_file_bytes - self._header_bytes) // self._frame_bytes
        self._descriptor = -1
        self._bytes = 0  # of samples in the last part

    def write(self, block: AudioBlock) -> None:
        """Append samples of shape (channels of the stream, frames), int16. Raises OSError."""
        rows = block if len(block) == len(self._channels) else block[np.array(self._channels)]
        while rows.shape[1]:
            if self._descriptor < 0 or self.parts[-1].frames >= self._most_frames:
                self._next_part()
            room = self._most_frames - self.parts[-1].frames
            self._append(interleave(rows[:, :room]))
            rows = rows[:, room:]

    def close(self) -> None:
        """Make the last file exact and lasting. After an error it holds what came before it."""
        if self._descriptor < 0:
            return
        part, descriptor, self._descriptor = self.parts[-1], self._descriptor, -1
        try:
            os.ftruncate(descriptor, self._header_bytes + part.frames * self._frame_bytes)
            os.pwrite(descriptor, self._header(part.frames), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not part.frames:
            part.path.unlink()
            self.parts.pop()

    def _next_part(self) -> None:
        self.close()
        number = len(self.parts) + 1
        suffix = ".wav" if number == 1 else f"-part{number}.wav"
        path = self._stem.with_name(self._stem.name + suffix)
        self._descriptor = create_file(path)
        self._bytes = 0
        first = sum(part.frames for part in self.parts)
        self.parts.append(Part(path, self._channels, first))

    def _append(self, data: bytes) -> None:
        """Write samples, then the sizes: a header never promises what is not there."""
        rest = memoryview(data)
        part = self.parts[-1]
        while rest:
            written = os.pwrite(self._descriptor, rest, self._header_bytes + self._bytes)
            rest = rest[written:]
            self._bytes += written
            part.frames = self._bytes // self._frame_bytes
        os.pwrite(self._descriptor, self._header(part.frames), 0)

    def _header(self, frames: int) -> bytes:
        return wav_header(self._rate, len(self._channels), frames * self._frame_bytes)

"""The newest audio of a stream, as far as it may be needed again: a bound in frames, not in hope.

session.py gives it to an engine, and once more to the next where one broke off.
"""

from collections import deque
from typing import NamedTuple

from listen_codecs.formats import AudioBlock


class Piece(NamedTuple):
    """Samples of shape (channels, frames), int16, and the frame of the stream they begin at."""

    start: int
    block: AudioBlock


class Ring:
    """Blocks with their places in the stream. They are shared, not copied."""

    def __init__(self, most_frames: int) -> None:
        self._most = most_frames
        self._pieces: deque[Piece] = deque()
        self._held = 0
        self.end = 0
        """The frame of the stream that comes next."""

    @property
    def start(self) -> int:
        """The oldest frame that is here; `end` if none is."""
        return self._pieces[0].start if self._pieces else self.end

    def put(self, block: AudioBlock) -> None:
        """Add a block; the oldest go where there is no room."""
        self._pieces.append(Piece(self.end, block))
        self.end += block.shape[1]
        self._held += block.shape[1]
        while self._held > self._most and len(self._pieces) > 1:
            self._drop()

    def skip(self, frames: int) -> None:
        """Leave room for audio that is not there."""
        self.end += frames

    def forget(self, before: int) -> None:
        """Let go of blocks that end at or before a frame."""
        while self._pieces and self._pieces[0].start + self._pieces[0].block.shape[1] <= before:
            self._drop()

    def after(self, position: int) -> Piece | None:
        """Return what is here from a frame on, up to the end of a block; None if there is none.

        It begins later where the audio between is gone, or never came.
        """
        found = None
        for piece in reversed(self._pieces):  # nearly always the last one
            if piece.start + piece.block.shape[1] <= position:
                break
            found = piece
        if found is None or found.start >= position:
            return found
        return Piece(position, found.block[:, position - found.start :])

    def _drop(self) -> None:
        self._held -= self._pieces.popleft().block.shape[1]

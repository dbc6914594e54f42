"""Where in the call a moment of one stream was: streams begin late, and leave silence out."""

from bisect import bisect_right


class Segments:
    """The table of one stream: from each of its positions on, which one of the call it was.

    Positions are frames at the rate that Google gets.
    """

    def __init__(self) -> None:
        self._in_stream: list[int] = []
        self._in_call: list[int] = []
        self.frames = 0  # sent in this stream
        self._end = 0  # of the call

    def sent(self, start: int, frames: int) -> None:
        """Take note of what was sent: frames from the position `start` in the call."""
        if not self._in_call or start != self._end:
            self._in_stream.append(self.frames)
            self._in_call.append(start)
        self.frames += frames
        self._end = start + frames

    def in_call(self, position: int, *, is_end: bool = False) -> int:
        """Return the position in the call; an end belongs to what is before it."""
        if not self._in_call:
            return position
        before = position - 1 if is_end else position
        at = max(0, bisect_right(self._in_stream, before) - 1)
        return min(self._in_call[at] + position - self._in_stream[at], self._end)

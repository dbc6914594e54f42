"""The clock of one engine, told in seconds of the stream: it never heard what it was not given."""

from bisect import bisect_right
from dataclasses import replace

from listen_sinks.transcript.api import Result, Word


class Timeline:
    """From where to where in the stream the pieces lie that an engine was given."""

    def __init__(self, sample_rate: int, start: int) -> None:
        """Begin at a frame of the stream."""
        self._rate = sample_rate
        self._given = [0]  # frames given to the engine, at which ...
        self._stream = [start]  # ... it was at these frames of the stream
        self.position = start
        """The frame of the stream that the engine gets next."""
        self._frames = 0

    def give(self, start: int, frames: int) -> None:
        """Take note of audio that begins at a frame of the stream."""
        if start != self.position:
            self._given.append(self._frames)
            self._stream.append(start)
        self._frames += frames
        self.position = start + frames

    def at(self, seconds: float) -> float:
        """Return when in the stream that was, in seconds."""
        frame = seconds * self._rate
        number = max(0, bisect_right(self._given, frame) - 1)
        return (self._stream[number] + frame - self._given[number]) / self._rate

    def told(self, result: Result) -> Result:
        """Return a result in the seconds of the stream."""
        words = tuple(
            Word(word.text, self.at(word.start), self.at(word.end), word.confidence)
            for word in result.words
        )
        return replace(result, start=self.at(result.start), end=self.at(result.end), words=words)


def without_repeats(result: Result, before: float) -> Result | None:
    """Leave out what was understood already: whatever lies before so many seconds.

    Where there are no words with times, a result counts whole, by its middle. None if nothing is
    left of it.
    """
    if result.start >= before:
        return result
    if not result.words:
        return result if (result.start + result.end) / 2 >= before else None
    words = tuple(word for word in result.words if (word.start + word.end) / 2 >= before)
    if len(words) == len(result.words):
        return result
    if not words:
        return None
    text = " ".join(word.text for word in words)
    return replace(result, text=text, start=words[0].start, words=words)

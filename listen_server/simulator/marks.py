"""Audio streamed to the caller, and the marks in it. playback.py asks when they are reached.

Source: `processIncomingBinary` and `dub_speech_frame` in lws_glue.cpp of
jambonz/freeswitch-modules. One thing follows jambonz's documentation of the listen verb
instead: `clearMarks` is answered with `cleared`, where that code says nothing.
"""

from collections import deque
from typing import Final

_MAX_MARKS: Final = 30  # MAX_MARKS: one more is forgotten
_PREBUFFER: Final = 0.08  # seconds between the arrival of audio and its playing


class MarkedAudio:
    """Audio streamed to the caller, and the marks that stand in it.

    A mark waits until more audio or silence comes; it counts as reached when all audio before
    it has been played.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._waiting: list[str] = []  # marks with no audio after them yet
        self._placed: deque[tuple[float, str]] = deque()  # marks and where they are reached
        self._until = 0.0  # where all audio so far has been played
        self._odd = 0  # a byte set aside

    def append(self, data: bytes, at: float) -> None:
        """Play signed 16-bit mono after what is there already."""
        start = self._until if self._until > at else at + _PREBUFFER
        self._placed += [(max(self._until, at), name) for name in self._waiting]
        self._waiting.clear()
        samples, self._odd = divmod(len(data) + self._odd, 2)
        self._until = start + samples / self._sample_rate

    def mark(self, name: str) -> None:
        """Set a mark after the audio so far."""
        if len(self._waiting) + len(self._placed) < _MAX_MARKS:
            self._waiting.append(name)

    def advance(self, at: float) -> list[str]:
        """Return the texts for the marks that have been reached."""
        texts = []
        while self._placed and self._placed[0][0] <= at:
            texts.append(_mark_event(self._placed.popleft()[1], "playout"))
        if self._waiting and self._until <= at:
            texts.append(_mark_event(self._waiting.pop(0), "playout"))  # one per packet
        return texts

    def clear(self, at: float, *, audio: bool) -> list[str]:
        """Forget the marks, and the audio as well; return the texts that say so."""
        names = [name for _, name in self._placed] + self._waiting
        self._placed.clear()
        self._waiting.clear()
        if audio:
            self._until = at
        return [_mark_event(name, "cleared") for name in names]


def _mark_event(name: str, event: str) -> str:
    # Put together without escaping, as send_mark_event does: a quote in the name breaks it.
    return f'{{"type": "mark", "data": {{"name":"{name}", "event": "{event}"}}}}'

"""What of a stream need not be heard again: it has final results, or an engine had it for long.

session.py asks where the next engine begins, and marks what none of them got.
"""

import time
from collections import deque
from typing import Final

from listen_sinks.transcript.api import EngineAway, Result
from listen_sinks.transcript.timeline import Timeline, without_repeats

OVERLAP: Final = 0.3
"""Seconds before the last final result that a new engine hears once more: a word cut in two."""
SETTLED: Final = 15.0
"""Seconds after which an engine that works has nothing more to say of what it got.

Only for engines whose EngineAway does not tell what is covered.
"""


class Coverage:
    """How far a stream is understood. One engine at a time: `begin`, ..., `settle`."""

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._rate = sample_rate
        self._covered = [0.0] * channels  # seconds, with a final result
        self._settled = 0  # frames that an engine had long enough, whatever it said
        self._given: deque[tuple[float, int]] = deque()  # when, and up to which frame
        self._answers = False  # the engine of now has given a result
        self.needed = 0
        """The frame before which the engine of now need not understand anything."""

    @property
    def end(self) -> int:
        """The frame before which nothing is to be understood any more, in any channel."""
        return max(round(min(self._covered) * self._rate), self._settled)

    @property
    def start(self) -> int:
        """The frame at which another engine would begin."""
        return max(self.end - round(OVERLAP * self._rate), 0)

    @property
    def progress(self) -> tuple[float, ...]:
        """What is another when anything more is covered."""
        return (*self._covered, self._settled)

    def begin(self) -> None:
        """Take note that another engine begins at `start`."""
        self.needed = self.end
        self._given.clear()
        self._answers = False

    def give(self, position: int) -> None:
        """Take note that the engine has all frames up to here."""
        now = time.monotonic()
        if not self._given or now - self._given[-1][0] >= SETTLED / 15:
            self._given.append((now, position))
        while len(self._given) > 1 and now - self._given[1][0] >= SETTLED:
            self._given.popleft()

    def new(self, told: Result) -> Result | None:
        """Return what is new in a result, in seconds of the stream; None if nothing is."""
        self._answers = True
        if not 0 <= told.channel < len(self._covered):
            return None
        return without_repeats(told, self._covered[told.channel])

    def cover(self, final: Result) -> None:
        """Take note of a final result."""
        self._covered[final.channel] = max(self._covered[final.channel], final.end)

    def settle(self, away: EngineAway, line: Timeline) -> None:
        """Find out what need not be heard again of what an engine got, words or none."""
        if away.covered is not None:
            position = min(round(line.at(away.covered) * self._rate), line.position)
            self._settled = max(self._settled, position)
            return
        for when, position in self._given:
            if self._answers and time.monotonic() - when >= SETTLED:
                self._settled = max(self._settled, position)

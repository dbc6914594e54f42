"""Audio that never came, found by the clock. stream.py feeds it; it has no clock of its own.

jambonz sends no sequence numbers and drops silently when its buffer of some seconds overruns
or when a stream is paused, so a loss shows only as media time that falls behind the wall. Jitter
falls behind too, but catches up: what counts is the least lag within a second, not the lag.
"""

from typing import Final

from listen_sinks.api import Gap

WINDOW: Final = 1.0  # seconds over which the least lag is taken
SMALLEST: Final = 0.25  # seconds of lag that make a gap: more than two ticks of reading
_DRIFT: Final = 0.05  # of the difference of two clocks, per window, is taken as drift
_RATE_AFTER: Final = 5.0  # seconds until the declared rate is judged
_RATIOS: Final = (1 / 8, 1 / 6, 1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0)
_TOLERANCE: Final = 0.04


class GapMeter:
    """Media time against monotonic time, for one stream.

    Times are seconds: `now` on any monotonic clock, results in received audio.
    """

    def __init__(self) -> None:
        self.media = 0.0  # seconds received
        self.gaps: list[Gap] = []
        self.rate_mismatch = False
        self._started: float | None = None
        self._last = 0.0
        self._base = 0.0
        self._window_end = 0.0
        self._least = 0.0
        self._stall_at = 0.0
        self._steady = True
        self._first = 0.0

    def received(self, seconds: float, now: float) -> Gap | None:
        """Take the arrival of that much audio; return a gap when one has become certain."""
        if self._started is None:
            self._begin(seconds, now)
            return None
        if now - self._last > SMALLEST:
            self._stall_at = self.media
            self._steady = self._steady and now - self._last < 2 * SMALLEST
        self._last = now
        self.media += seconds
        lag = now - self._started - self.media
        self._least = min(self._least, lag)
        if now < self._window_end:
            return None
        gap = self._judge(self._least)
        self._judge_rate(now)
        self._least = lag
        self._window_end = now + WINDOW
        return gap

    def ahead(self, now: float) -> float:
        """Return the seconds by which the audio is ahead of the clock; below 0 if behind."""
        return 0.0 if self._started is None else self.media - (now - self._started)

    def ended(self, now: float) -> Gap | None:
        """Return what is missing at the end: a stream that was paused until it ended."""
        if self._started is None:
            return None
        lag = now - self._started - self.media
        if lag - self._base < 2 * SMALLEST:
            return None
        if now - self._last > SMALLEST:
            self._stall_at = self.media
        return self._judge(lag)

    def _begin(self, seconds: float, now: float) -> None:
        self._started = self._last = now
        self.media = self._first = seconds
        self._base = self._least = -seconds  # the first frame may hold a burst of any length
        self._window_end = now + WINDOW

    def _judge(self, lag: float) -> Gap | None:
        missing = lag - self._base
        if missing < 0:
            self._take_back(-missing)
            self._base = lag
        elif missing >= SMALLEST and not self.rate_mismatch:
            self._base = lag
            gap = Gap(round(self._stall_at, 3), round(missing, 3), "not received")
            self.gaps.append(gap)
            return gap
        else:
            self._base += _DRIFT * missing
        return None

    def _take_back(self, seconds: float) -> None:
        """Shrink the latest gaps: what looked lost was only late."""
        while seconds > 0 and self.gaps:
            last = self.gaps.pop()
            if last.seconds - seconds >= SMALLEST:
                self.gaps.append(Gap(last.at, round(last.seconds - seconds, 3), last.reason))
            seconds -= last.seconds

    def _judge_rate(self, now: float) -> None:
        """Judge once, after some steady seconds, whether audio comes at the rate it claims."""
        elapsed = now - (self._started or 0.0)
        if elapsed < _RATE_AFTER or not self._steady:
            return
        self._steady = False
        ratio = (self.media - self._first) / elapsed
        if any(abs(ratio / wrong - 1) < _TOLERANCE for wrong in _RATIOS):
            self.rate_mismatch = True
            self.gaps.clear()

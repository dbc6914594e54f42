"""Audio that never came, found by the clock. stream.py feeds it; it has no clock of its own.

jambonz sends no sequence numbers and drops silently when its buffer of some seconds overruns
or when a stream is paused, so a loss shows only as media time that falls behind the wall.
Audio that is late falls behind too, but catches up. So a gap is a lag that has come to stay:
the least lag of a window (reading in ticks and jitter only add to it) twice in a row. A lag
that never comes to rest is one gap at the end.
"""

from typing import Final, Literal, TypeAlias

from listen_sinks.api import Gap

SMALLEST: Final = 0.25  # seconds of lag that make a gap
_WINDOW: Final = 1.0  # seconds over which the least lag is taken
_STEADY: Final = 0.1  # seconds between the least lags of two windows that are the same lag
_INTENDED: Final = 1.5  # seconds of audio between being told of a pause and its gap, either way
_TAIL: Final = 1.25  # seconds without audio at the end that are the hang-up, not a gap
_DRIFT: Final = 2e-4  # of the time that has passed: two clocks may part by that much
_MOST_AHEAD: Final = 10.0  # seconds: what piles up while jambonz connects; no live call has more

_RUN: Final = 5.0  # seconds of even arrival by which the declared rate is judged
_SHORT_RUN: Final = 2.0  # the same at the end of a stream
_STALLED: Final = 2.5 * _WINDOW  # a window is closed by audio: a longer one held a silence
_EVEN: Final = 0.1  # between the speeds of two windows
_TOLERANCE: Final = 0.04  # of the ratios below
Reason: TypeAlias = Literal["not received", "paused"]
_MULTIPLES: Final = (1, 2, 3, 4, 6, 8)  # the rates of jambonz, in units of 8000 Hz
_RATIOS: Final = frozenset(
    real * channels / claimed
    for real in _MULTIPLES
    for claimed in _MULTIPLES
    for channels in (0.5, 1, 2)
    if real * channels != claimed
)


class GapMeter:
    """Media time against monotonic time, for one stream.

    Times are seconds: `now` on any monotonic clock, results in received audio. The place of a
    gap is where the audio was last up to date; what came late after it may belong before it.
    """

    def __init__(self) -> None:
        self.media = 0.0  # seconds received
        self.gaps: list[Gap] = []
        self.rate_mismatch = False
        """Audio comes evenly, but at the speed of another rate or number of channels."""
        self._live = True  # no faster than the clock
        self._pace = _Pace()
        self._started: float | None = None
        self._last = 0.0  # when audio came
        self._level = 0.0  # lag that counts as up to date
        self._drift = 0.0  # part of the level: what the clocks have parted by
        self._late = 0.0  # audio that came after its gap was told, too little yet to take it back
        self._fresh = 0.0  # media time at which the audio was last up to date
        self._window = (0.0, 0.0)  # when it began, and the media time then
        self._least = 0.0  # lag in this window
        self._behind: float | None = None  # by how much the window before was, if it was
        self._pause: float | None = None  # media time at which somebody paused it

    def received(self, seconds: float, now: float) -> Gap | None:
        """Take the arrival of that much audio; return a gap when one has become certain."""
        if self._started is None:
            self._started = now
            self._level = self._least = -seconds  # it may hold all that piled up until now
            self._window = (now, seconds)
        self._last = now
        self.media += seconds
        lag = self._lag(now)
        self._least = min(self._least, lag)
        if lag - self._level < SMALLEST:
            self._fresh = self.media
        if -lag > _MOST_AHEAD:
            self._live = False
            self.gaps.clear()
        return self._close_window(now) if now - self._window[0] >= _WINDOW else None

    def pausing(self) -> None:
        """Take note that somebody pauses it now: a gap that begins here is meant to be."""
        self._pause = self.media

    def ahead(self, now: float) -> float:
        """Return the seconds by which the audio is ahead of the clock; below 0 if behind."""
        return -self._lag(now)

    def ended(self, now: float) -> Gap | None:
        """Return what is missing at the end: lag can no longer be caught up."""
        if self._started is None:
            return None
        self._judge_rate(_SHORT_RUN)
        end = now if now - self._last > _TAIL else self._last
        behind = self._lag(end) - self._level
        if behind < 2 * SMALLEST:  # a single lag, not the least of many
            self._follow(min(behind, 0.0), end)
            return None
        return self._found(behind)

    def _lag(self, now: float) -> float:
        return 0.0 if self._started is None else now - self._started - self.media

    def _close_window(self, now: float) -> Gap | None:
        began, media = self._window
        self._window = (now, self.media)
        self._pace.add(now - began, self.media - media)
        self._judge_rate(_RUN)
        behind, self._least = self._least - self._level, self._lag(now)
        before, self._behind = self._behind, None
        if behind < SMALLEST:
            self._follow(behind, now)
        elif before is not None and abs(behind - before) < _STEADY:
            return self._found(behind)
        else:
            self._behind = behind
        return None

    def _found(self, seconds: float) -> Gap | None:
        self._level += seconds
        if self.rate_mismatch or not self._live:
            return None
        intended = self._pause is not None and abs(self._fresh - self._pause) < _INTENDED
        why: Reason = "paused" if intended else "not received"
        gap = Gap(round(self._fresh, 3), round(seconds, 3), why)
        self.gaps.append(gap)
        return gap

    def _follow(self, change: float, now: float) -> None:
        """Move the level: as drift while clocks can have parted so far; below it, as late audio."""
        limit = _DRIFT * (now - (self._started or 0.0))
        wanted = self._drift + change
        drift = min(max(wanted, -limit), limit)
        late = max(0.0, drift - wanted)
        self._level += drift - self._drift - late
        self._drift = drift
        self._late = self._late + late if self.gaps else 0.0
        if self._late > _STEADY:
            self._take_back(self._late)
            self._late = 0.0

    def _take_back(self, seconds: float) -> None:
        """Shrink the latest gaps: what looked lost was only late."""
        while seconds > 0 and self.gaps:
            last = self.gaps.pop()
            if last.seconds - seconds >= SMALLEST:
                self.gaps.append(Gap(last.at, round(last.seconds - seconds, 3), last.reason))
            seconds -= last.seconds

    def _judge_rate(self, enough: float) -> None:
        if self._pace.is_wrong(enough):
            self.rate_mismatch = True
            self.gaps.clear()


class _Pace:
    """The speed at which audio comes, by the first windows in a row in which it was the same."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._media = 0.0
        self._speed = 0.0  # of the last window
        self._known = False

    def add(self, elapsed: float, media: float) -> None:
        """Take a window: so much time, so much audio."""
        speed = media / elapsed
        if elapsed > _STALLED or abs(speed - self._speed) > _EVEN * self._speed:
            self._elapsed = self._media = 0.0
        self._speed = speed
        if elapsed > _STALLED:
            return
        self._elapsed += elapsed
        self._media += media

    def is_wrong(self, enough: float) -> bool:
        """Judge once, after enough seconds, whether audio comes at a rate that it did not claim."""
        if self._known or self._elapsed < enough:
            return False
        ratio = self._media / self._elapsed
        wrong = any(abs(ratio / other - 1) < _TOLERANCE for other in _RATIOS)
        self._known = wrong or abs(ratio - 1) < _TOLERANCE
        return wrong

"""Whether calls may begin, and how long those that are on may last. No IO, no signals.

    serving --begin--> draining --no call left | deadline | stop--> stopping

In the last two seconds before the deadline, sockets over which jambonz asks are closed one by one:
each behind an answer, and after one second also those that are asked nothing. What was asked over a
socket that is closed gets no answer from anybody.

The server moves it (serving.py); the application asks it before it accepts a call.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

_LEAVING: Final = 2.0  # seconds that sockets over which jambonz asks are closed in
_IDLE: Final = 1.0  # seconds of these, after which those that are asked nothing are closed


class DrainState(StrEnum):
    """Where a server stands between its first call and its last."""

    SERVING = "serving"
    DRAINING = "draining"
    STOPPING = "stopping"


class Leave(Protocol):
    """Closes the sockets over which jambonz asks."""

    def __call__(self, *, idle: bool) -> int:
        """Return how many there are still; with `idle`, close those that are asked nothing."""


def _nobody(*, idle: bool) -> int:  # noqa: ARG001 - a Leave
    return 0


class Drain:
    """The one value about stopping that server and application share.

    `live` counts the calls that are on; the application may set it and `leave` after the fact.
    """

    def __init__(
        self, live: Callable[[], int] = lambda: 0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.live = live
        self.leave: Leave = _nobody
        self.state = DrainState.SERVING
        self._clock = clock
        self._ends = 0.0
        self._leaves = 0.0

    @property
    def accepting(self) -> bool:
        """May a new call begin? If not, answer 503 with Retry-After."""
        return self.state is DrainState.SERVING

    def begin(self, deadline: float) -> None:
        """Refuse new calls; those that are on may last `deadline` seconds more."""
        if self.state is DrainState.SERVING:
            now = self._clock()
            self._ends = now + deadline
            self._leaves = max(now, self._ends - _LEAVING)
            self.state = DrainState.DRAINING

    @property
    def leaving(self) -> bool:
        """Whether each socket over which jambonz asks is to be closed behind its next answer."""
        return self.state is DrainState.DRAINING and self._clock() >= self._leaves

    def stop(self) -> None:
        """Wait for no call."""
        self.state = DrainState.STOPPING

    def is_over(self) -> bool:
        """Tell whether the sockets may be closed now; becomes `stopping` when they may."""
        if self.state is DrainState.DRAINING:
            now = self._clock()
            asked = self._is_asked(now)
            if not self.live() or (now >= self._ends and not asked):
                self.stop()
        return self.state is DrainState.STOPPING

    def _is_asked(self, now: float) -> bool:
        """Tell whether jambonz may ask still; also a deadline of nothing leaves it the time."""
        if now < self._leaves:
            return False
        left = self.leave(idle=now >= self._leaves + _IDLE)
        return left > 0 and now < self._leaves + _LEAVING

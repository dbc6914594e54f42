"""Whether calls may begin, and how long those that are on may last. No IO, no signals.

    serving --begin--> draining --no call left | deadline | stop--> stopping

The server moves it (serving.py); the application asks it before it accepts a call.
"""

import time
from collections.abc import Callable
from enum import StrEnum


class DrainState(StrEnum):
    """Where a server stands between its first call and its last."""

    SERVING = "serving"
    DRAINING = "draining"
    STOPPING = "stopping"


class Drain:
    """The one value about stopping that server and application share.

    `live` counts the calls that are on; the application may set it after the fact.
    """

    def __init__(
        self, live: Callable[[], int] = lambda: 0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.live = live
        self.state = DrainState.SERVING
        self._clock = clock
        self._ends = 0.0

    @property
    def accepting(self) -> bool:
        """May a new call begin? If not, answer 503 with Retry-After."""
        return self.state is DrainState.SERVING

    def begin(self, deadline: float) -> None:
        """Refuse new calls; those that are on may last `deadline` seconds more."""
        if self.state is DrainState.SERVING:
            self._ends = self._clock() + deadline
            self.state = DrainState.DRAINING

    def stop(self) -> None:
        """Wait for no call."""
        self.state = DrainState.STOPPING

    def is_over(self) -> bool:
        """Tell whether the sockets may be closed now; becomes `stopping` when they may."""
        if self.state is DrainState.DRAINING and (not self.live() or self._clock() >= self._ends):
            self.stop()
        return self.state is DrainState.STOPPING

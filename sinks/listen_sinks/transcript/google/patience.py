"""How long to wait after a fault, and when to give up: exponential backoff with full jitter."""

import random
from typing import Final

from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.google.faults import QUOTA, Answer, Fault, answer_to

_FIRST: Final = {"reopen": 0.25, "retry": 0.25, "wait": 1.0}  # seconds
_LONGEST: Final = {"reopen": 5.0, "retry": 5.0, "wait": 15.0}


class Patience:
    """Counts the faults in a row of one engine."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._faults = 0

    def forget(self) -> None:
        """Take note that Google understood something: what comes now is a new row."""
        self._since = None
        self._faults = 0

    def after(self, fault: Fault, now: float) -> float:
        """Return the seconds to wait. Raises EngineAway or EngineRefused, to give up."""
        answer: Answer = answer_to(fault)
        if self._since is None:
            self._since = now
        if now - self._since > self._seconds:
            if answer == "wait":
                raise EngineRefused(QUOTA)
            raise EngineAway(f"Google is away: {fault.code} for {now - self._since:.0f} s")
        self._faults += 1
        if answer != "wait" and self._faults == 1:
            return 0.0
        most = min(_FIRST[answer] * 2 ** min(self._faults, 10), _LONGEST[answer])
        return random.uniform(0, most)  # noqa: S311 - so that calls do not come back in step

"""Faults on demand, so that what uses Google can be tried on the days when it does not work."""

import random
from collections import deque
from dataclasses import dataclass, field

from listen_sinks.transcript.google.stand_in.limits import Ended

UNAVAILABLE = Ended("UNAVAILABLE", "The service is currently unavailable.")
NO_QUOTA = Ended("RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Streaming requests'.")
NOT_ALLOWED = Ended("PERMISSION_DENIED", "Permission 'speech.recognizers.recognize' denied.")
NOT_ENABLED = Ended(
    "PERMISSION_DENIED",
    "Cloud Speech-to-Text API has not been used in project 1 before or it is disabled.",
)
NOT_KNOWN = Ended("UNAUTHENTICATED", "Request had invalid authentication credentials.")


@dataclass(slots=True)
class Faults:
    """What goes wrong; change it at any time."""

    unavailable: float = 0.0
    """The chance, with each request, that the stream ends with UNAVAILABLE."""
    next: deque[Ended] = field(default_factory=deque)
    """How the next streams end, one each, before they begin."""
    always: Ended | None = None
    """How every stream ends before it begins."""
    late: float = 0.0
    """Seconds by which the last results come late."""
    deaf: bool = False
    """Streams that begin now take audio and answer nothing, not even their end."""
    hang: bool = False
    """Take no further request, and answer nothing."""
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - a plan

    def at_open(self) -> Ended | None:
        """Return how a new stream ends, if it does."""
        return self.always or (self.next.popleft() if self.next else None)

    def at_request(self) -> Ended | None:
        """Return how a stream ends now, if it does."""
        return UNAVAILABLE if self.chance.random() < self.unavailable else None

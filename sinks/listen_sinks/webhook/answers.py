"""What comes of telling somebody of an event, whoever it is: target.py, ../mail/mailer.py."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["done", "gone", "later", "never", "wait"]
"""gone: nothing is to be sent there any more. never: not this event. wait: it was not tried; it is
asked again after `wait` seconds, and that counts as nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try."""

    verdict: Verdict
    says: str  # a status, or a few words of ours: never those of somebody else
    wait: float = 0.0  # seconds that it asked for

"""A mailbox that was found for a call; desk.py finds it, in memory."""

from dataclasses import dataclass, field

from listen_sinks.voicemail.index.routing import Destination
from listen_sinks.voicemail.policies import MailboxSettings, effective_settings


@dataclass(frozen=True, slots=True)
class Found:
    """A mailbox, as far as it is known without a database."""

    tenant: str
    destination: Destination = field(repr=False)

    @property
    def mailbox(self) -> str:
        """Its id."""
        return self.destination.mailbox

    @property
    def settings(self) -> MailboxSettings:
        """What it wants."""
        return effective_settings(self.destination.settings)

    @property
    def full(self) -> bool:
        """Whether it had no room when it was looked at last."""
        return self.destination.full

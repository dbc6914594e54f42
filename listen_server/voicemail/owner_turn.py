"""One turn of the owner's conversation: what is known, and the verbs that ask the next question.

    hook -> Turn -> fetching.py, pin_flow.py, listening.py ... -> Turn.ask -> gather -> next hook

What is kept from turn to turn travels with the call (state.py): ids and numbers, never a PIN.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from listen_server.jambonz import Call, Gather, Hangup, Play, Say
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.found import Found
from listen_server.voicemail.state import State, States
from listen_server.voicemail.voice import Voice
from listen_sinks.voicemail.greetings import Which
from listen_sinks.voicemail.index.walking import Folder

TIMEOUT: Final = 6.0  # seconds without a key
MORE: Final = "#"  # the key after several
_BETWEEN: Final = 5.0  # seconds between two keys that end a number


class Own(BaseModel):
    """What the owner's flow keeps of its own in a State. Times are Unix times."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    silent: int = 0
    """How often in a row no key came."""
    typed: bool = False
    """Whether the number of the mailbox was typed; else the caller's own has selected it."""
    folder: Folder = "new"
    since: float = 0.0
    """When the folder was begun: what was new then stays in it."""
    message: str | None = None
    """ULID of the message that is being heard: the place in the folder."""
    offset: float = 0.0
    """Seconds into the message at which it is, or will be, played."""
    playing_since: float = 0.0
    """When that began."""
    deleted: bool = False
    """Whether the owner was told that the message is deleted: what its key then takes back."""
    pin_set_at: datetime | None = None
    """When the PIN was set that has opened the mailbox: once it is another one, that is over."""
    must: bool = False
    """Whether the PIN has to be changed."""
    digest: str = Field(default="", repr=False)
    """Keyed digest of a PIN that has to be changed, until it is."""
    first: str = Field(default="", repr=False)
    """Keyed digest of a new PIN, until it is typed again."""
    which: Which = "greeting"
    """Which greeting is being recorded."""
    recorded: str | None = None
    """ULID of the greeting that was recorded."""
    waits: int = 0
    """How often that was waited for."""
    dialling: bool = False
    """Whether somebody is being called back."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is known when a hook has come."""

    call: Call
    state: State
    own: Own
    voice: Voice
    states: States = field(repr=False)
    found: Found | None = field(default=None, repr=False)
    """The mailbox, once its PIN was right."""

    @property
    def since(self) -> datetime:
        """When the folder was begun."""
        return datetime.fromtimestamp(self.own.since, UTC)

    def text(self, name: str, **values: str | int) -> str:
        """Return a sentence."""
        return self.voice.text(name, **values)

    def say(self, *said: str) -> Say:
        """Say sentences, one after the other."""
        return self.voice.speak(" ".join(filter(None, said)))

    def but(self, **changes: Any) -> "Turn":
        """Return the same with something else in `own`."""
        return self._with(self.state, self.own.model_copy(update=changes))

    def having(self, **changes: Any) -> "Turn":
        """Return the same with something else in the state."""
        return self._with(self.state.having(**changes), self.own)

    def tag(self) -> Verb:
        """Return the verb that keeps what is known."""
        own = self.own.model_dump(mode="json", exclude_defaults=True)
        return self.states.tag(self.call, self.state.having(own=own))

    def ask(
        self, hook: str, *said: str, play: str | None = None, timeout: float = TIMEOUT
    ) -> list[Verb]:
        """Say something, or play it, and ask for one key. The prompt ends at the key."""
        given = Gather(action_hook=hook, num_digits=1, timeout=timeout)
        return [self.tag(), self._prompted(given, said, play)]

    def ask_more(self, hook: str, *said: str, most: int) -> list[Verb]:
        """Ask for several keys, and the hash key after them; what is typed is not kept here."""
        given = Gather(
            action_hook=hook,
            finish_on_key=MORE,
            max_digits=most,
            timeout=TIMEOUT,
            inter_digit_timeout=_BETWEEN,
        )
        return [self.tag(), self._prompted(given, said, None)]

    def good_bye(self, *said: str) -> list[Verb]:
        """Say something, and hang up."""
        return [self.say(*said), Hangup()]

    def _prompted(self, asked: Gather, said: tuple[str, ...], play: str | None) -> Gather:
        values = asked.model_dump(exclude_unset=True)
        if play is not None:
            return Gather(**values, play=Play(url=play))
        return Gather(**values, say=self.say(*said))

    def _with(self, state: State, own: Own) -> "Turn":
        return Turn(self.call, state, own, self.voice, self.states, self.found)

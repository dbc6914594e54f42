"""One caller's visit: what is known of it, and the verbs that go on with it. leaving.py decides."""

import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

from listen_server.jambonz import Call, Dial, Gather, Hangup, Phone, Play, Redirect, Say
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.config import DEADLINE
from listen_server.voicemail.desk import TO_CALLER, Desk, Prompt
from listen_server.voicemail.found import Found
from listen_server.voicemail.state import State
from listen_server.voicemail.voice import Voice
from listen_sinks.voicemail.profile import Profile

GREETED, LEFT, SETTLED, REVIEWED, OPERATED, WORDS = (
    *("/greeted", "/left", "/settled", "/reviewed"),
    *("/operated", "/words"),
)
"""The hooks."""
REFUSALS: Final = ("full", "away")
"""Sentences that say why nothing is recorded, and the steps in which they are said."""
_SKIPPED: Final = 0.5  # seconds after a prompt in which a key still counts
_CHOICE: Final = 6.0  # seconds to choose in
_RINGS: Final = 30.0  # seconds
_SPARE: Final = 0.4  # seconds of the deadline that are left for the answer itself


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller in front of a mailbox."""

    desk: Desk = field(repr=False)
    call: Call
    state: State
    found: Found
    profile: Profile | None
    """None while index or keys are away."""
    began: float = field(default_factory=time.monotonic)
    """When its hook was asked, by the clock of `time.monotonic`."""

    @property
    def voice(self) -> Voice:
        """Who speaks."""
        return self.desk.voice(self.profile)

    @property
    def operator(self) -> str | None:
        """Whom 0 calls."""
        return self.profile.operator if self.profile else None

    @property
    def max_seconds(self) -> float:
        """How long a message may be."""
        return self.found.settings.max_seconds or self.desk.settings.max_seconds

    @property
    def seconds_left(self) -> float:
        """How long may still be waited before its hook has to be answered."""
        return self.began + DEADLINE - _SPARE - time.monotonic()

    def having(self, **changes: Any) -> "Visit":
        """Return the same with something changed in its state."""
        return replace(self, state=self.state.having(**changes))

    def tag(self) -> Verb:
        """Return the verb that keeps its state."""
        return self.desk.states.tag(self.call, self.state)

    def good_bye(self, *names: str) -> list[Verb]:
        """Say sentences, and hang up."""
        return [*map(self.voice.say, names), Hangup()]

    def greeted(self, prompt: Prompt) -> list[Verb]:
        """Greet, and record; a key stops the greeting."""
        return self.recording(self.asked(GREETED, prompt, _SKIPPED), *self.announced())

    def announced(self) -> list[Say]:
        """Tell whoever must be told, before the first tone, that they are recorded."""
        wanted = self.found.settings.announce_recording
        return [self.voice.say("announcement")] if wanted else []

    def refused(self, name: str) -> list[Verb]:
        """Say why nothing is recorded; keys are for the owner and the operator."""
        tagged = self.having(step=name).tag()
        return [tagged, self.asked(GREETED, self.voice.say(name), _SKIPPED), Hangup()]

    @property
    def refusal(self) -> str | None:
        """The sentence that was said where nothing is recorded."""
        return self.state.step if self.state.step in REFUSALS else None

    def recording(self, *before: Verb) -> list[Verb]:
        """Record, under a new ticket."""
        wants = self.found.settings.transcribe_by_jambonz
        listen, ticket = self.desk.listen(
            self.call,
            self.found,
            action_hook=LEFT,
            max_seconds=self.max_seconds,
            transcribe=self.desk.transcribe(WORDS, self.profile) if wants else None,
        )
        tagged = self.having(ticket=ticket, step="recording").tag()
        return [tagged, *before, listen, *self.good_bye("ended")]

    def waiting(self) -> list[Verb]:
        """Say that it takes a moment, and ask again."""
        tagged = self.having(step="settling").tag()
        asks = Redirect(action_hook=SETTLED)
        return [tagged, self.voice.say("moment"), asks, *self.good_bye("thanks")]

    def review(self, *before: Verb) -> list[Verb]:
        """Offer what can be done with the message."""
        name = "review_operator" if self.operator else "review"
        asked = self.asked(REVIEWED, self.voice.say(name), _CHOICE)
        return [self.tag(), *before, asked, *self.good_bye("thanks")]

    def heard(self, message: str) -> list[Verb]:
        """Play the message, and offer it again; a key stops it."""
        state, found = self.state, self.found
        place = state.tenant, found.mailbox
        url = self.desk.audio_url(self.call, *place, message, purpose=TO_CALLER)
        return self.review(self.asked(REVIEWED, Play(url=url), _SKIPPED))

    def calling(self, number: str, step: str) -> list[Verb]:
        """Call the operator."""
        dial = Dial(target=[Phone(number=number)], action_hook=OPERATED, timeout=_RINGS)
        tagged = self.having(step=step).tag()
        return [tagged, self.voice.say("operator"), dial, *self.good_bye("ended")]

    def asked(self, hook: str, prompt: Prompt, timeout: float) -> Gather:
        """Play or say something, and wait for one key; without one, the next verb follows."""
        given = Gather(action_hook=hook, num_digits=1, timeout=timeout, dtmf_bargein=True)
        name = "say" if isinstance(prompt, Say) else "play"
        return Gather.model_validate({**given.model_dump(exclude_unset=True), name: prompt})

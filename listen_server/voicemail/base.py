"""What both flows stand on: the desk, the state of the call, and verbs that end it.

leaving.py and fetching.py are mixins over this; applications.py makes applications of them.
"""

from typing import TYPE_CHECKING, Final

from listen_server.jambonz import Call, CallApplication, Hangup, Say, Tag
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.config import DEADLINE
from listen_server.voicemail.state import State

if TYPE_CHECKING:
    from listen_server.voicemail.desk import Desk


class VoicemailApplication(CallApplication):
    """An application with a desk to ask."""

    deadline = DEADLINE

    def __init__(self, desk: "Desk") -> None:
        self.desk: Final = desk

    @property
    def sorry(self) -> str:  # type: ignore[override]  # jambonz's own text, in the operator's words
        """What a caller hears when a method fails."""
        return self.desk.voice().text("sorry")

    def tag(self, call: Call, state: State) -> Tag:
        """Return the verb that keeps a state with the call."""
        return self.desk.states.tag(call, state)

    def state(self, call: Call) -> State | None:
        """Return the state that the call came with."""
        return self.desk.states.of(call)

    async def settle(self) -> None:
        """Finish what nobody waits for; called before the sink is closed."""

    @staticmethod
    def good_bye(*says: Say) -> list[Verb]:
        """Say something, and hang up."""
        return [*says, Hangup()]

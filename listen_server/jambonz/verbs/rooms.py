"""Where callers wait and meet: conference, enqueue, dequeue, leave."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from listen_server.jambonz.model import Count, Flag, Hook, Number, Seconds, one_of_two
from listen_server.jambonz.verbs.aids import RoomRecording
from listen_server.jambonz.verbs.streams import Listen
from listen_server.jambonz.verbs.verb import Verb

ConferenceMoment = Literal["start", "end", "join", "leave", "start-talking", "stop-talking"]
RoomName = Annotated[str, Field(min_length=1)]


class Conference(Verb):
    """Put the call into a conference."""

    verb: ClassVar[str] = "conference"
    aliases: ClassVar[tuple[str, ...]] = ("room",)

    name: RoomName
    """Name of the conference, unique in the account."""
    beep: Flag = False
    """Whether the others hear a beep when the caller enters."""
    start_conference_on_enter: Flag = True
    """Whether the conference starts when this caller enters."""
    end_conference_on_exit: Flag = False
    """Whether it ends when this caller leaves."""
    max_participants: Count | None = None
    """How many may be in it."""
    action_hook: Hook | None = None
    """Asked when it has ended for this caller."""
    enter_hook: Hook | None = None
    """Asked what the caller hears just before entering: say, play, pause."""
    wait_hook: Hook | None = None
    """Asked what the caller hears until it starts: say, play, pause."""
    status_hook: Hook | None = None
    """Told what happens in the conference."""
    status_events: list[ConferenceMoment] | None = None
    """What it is told. `end-talking`, the reference's name for `stop-talking`, is read too."""
    member_tag: str | None = None
    """Name of a kind of participant."""
    speak_only_to: str | None = None
    """Kind of participant that alone hears this one."""
    join_muted: Flag | None = None
    """Whether the caller enters muted."""
    end_conference_duration: Seconds | None = None
    """Seconds that it lasts at most."""
    distribute_dtmf: Flag | None = None
    """Whether keys are passed on to the others."""
    record: RoomRecording | None = None
    """Where it is recorded to."""
    listen: Listen | None = None
    """A nested listen: the audio of the conference."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        given = one_of_two(given, "stream", "listen")
        if isinstance(given, dict) and isinstance(events := given.get("statusEvents"), list):
            told = ["stop-talking" if one == "end-talking" else one for one in events]
            return {**given, "statusEvents": told}
        return given


class Enqueue(Verb):
    """Put the caller into a queue."""

    verb: ClassVar[str] = "enqueue"

    name: RoomName
    """Name of the queue."""
    action_hook: Hook | None = None
    """Asked when the caller has left the queue, or the call that came of it has ended."""
    wait_hook: Hook | None = None
    """Asked what the caller hears meanwhile: say, play, pause, tag, leave."""
    priority: Number | None = None
    """Place in the queue: lower is sooner."""


class Dequeue(Verb):
    """Connect the caller to the first one in a queue."""

    verb: ClassVar[str] = "dequeue"

    name: RoomName
    """Name of the queue."""
    action_hook: Hook | None = None
    """Asked when the call has ended."""
    beep: Flag = False
    """Whether this caller hears a beep just before."""
    confirm_hook: Hook | None = None
    """Asked what the one in the queue hears before they are connected."""
    timeout: Seconds | None = None
    """Seconds to wait at an empty queue; for ever without it."""
    call_sid: str | None = None
    """A certain call, not the first."""


class Leave(Verb):
    """Take the caller out of the queue; for the answer to a wait hook."""

    verb: ClassVar[str] = "leave"

"""What happens to the call itself: dial, answer, redirect, hangup, sip:decline, tag."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, model_validator

from listen_server.jambonz.model import Flag, Headers, Hook, JsonObject, Number, Seconds, one_of_two
from listen_server.jambonz.verbs.aids import Amd
from listen_server.jambonz.verbs.prompts import Dub
from listen_server.jambonz.verbs.streams import Listen, Transcribe
from listen_server.jambonz.verbs.targets import Target
from listen_server.jambonz.verbs.verb import Verb

MAX_TARGETS = 10


class Dial(Verb):
    """Call somebody, and connect the two."""

    verb: ClassVar[str] = "dial"

    target: Annotated[list[Target], Field(min_length=1, max_length=MAX_TARGETS)]
    """Who is called, all at once; the first to answer is connected."""
    action_hook: Hook | None = None
    """Asked when the call has ended."""
    answer_on_bridge: Flag = False
    """Whether the caller's call is answered only when the other one is."""
    caller_id: str | None = None
    """Number to show, in E.164; the caller's own without it."""
    caller_name: str | None = None
    """Name to show."""
    confirm_hook: Hook | None = None
    """Asked what is run on the other end before the two are connected."""
    dial_music: str | None = None
    """Address of the audio that the caller hears while it rings."""
    dtmf_capture: list[str] | JsonObject | None = None
    """Sequences of keys that are told to the hook; by leg in an object."""
    dtmf_hook: Hook | None = None
    """Told those sequences; its answer is ignored."""
    headers: Headers | None = None
    """SIP headers for the attempts."""
    listen: Listen | None = None
    """A nested listen: the audio of the call."""
    transcribe: Transcribe | None = None
    """A nested transcribe: the text of the call."""
    time_limit: Seconds | None = None
    """Seconds that the call lasts at most."""
    timeout: Seconds = 60
    """Seconds that it rings."""
    amd: Amd | None = None
    """Detection of answering machines."""
    anchor_media: Flag | None = None
    """Whether the audio stays with the media server."""
    exit_media_path: Flag | None = None
    """Whether jambonz leaves the path of the audio."""
    boost_audio_signal: Number | str | None = None
    """Decibels to add."""
    dub: list[Dub] | None = None
    """Tracks under the call."""
    forward_pai: Flag | None = Field(
        default=None, validation_alias="forwardPAI", serialization_alias="forwardPAI"
    )
    """Whether P-Asserted-Identity is passed on."""
    on_hold_hook: Hook | None = None
    """Asked what a party on hold hears: say, play, pause."""
    proxy: str | None = None
    """SIP proxy to go through."""
    refer_hook: Hook | None = None
    """Asked about a SIP REFER."""
    srtp_encryption: Literal["sdes", "dtls"] | None = None
    """How the audio is encrypted."""
    tag: JsonObject | None = None
    """customerData of the new call."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return one_of_two(given, "stream", "listen")


class Answer(Verb):
    """Answer the call."""

    verb: ClassVar[str] = "answer"


class Hangup(Verb):
    """End the call."""

    verb: ClassVar[str] = "hangup"

    headers: Headers | None = None
    """SIP headers of the BYE."""


class Redirect(Verb):
    """Go on with the application that a hook answers with; what follows is never reached."""

    verb: ClassVar[str] = "redirect"

    action_hook: Hook
    """Asked for the application."""
    status_hook: Hook | None = None
    """Told the status of the call from here on."""


def _final_status(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value // 100 not in {4, 5, 6}:
        raise ValueError("it must be a SIP status from 400 to 699")
    return value


class SipDecline(Verb):
    """Refuse the call."""

    verb: ClassVar[str] = "sip:decline"

    status: Annotated[
        int,
        PlainValidator(_final_status, json_schema_input_type=Annotated[int, Field(ge=400, le=699)]),
    ]
    """SIP status, 400 to 699."""
    reason: str | None = None
    """Words beside it; the usual ones without it."""
    headers: Headers | None = None
    """SIP headers of the answer."""


class Tag(Verb):
    """Keep data with the call: every later hook by POST has it as `customerData`."""

    verb: ClassVar[str] = "tag"

    data: JsonObject
    """The data; it replaces what was there."""

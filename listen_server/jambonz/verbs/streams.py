"""Where the audio goes: listen (also called stream) and transcribe."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from listen_server.jambonz.model import (
    AudioUrl,
    Flag,
    Hook,
    JsonObject,
    Part,
    PlainHook,
    Seconds,
    one_of_two,
)
from listen_server.jambonz.verbs.speech import Recognizer
from listen_server.jambonz.verbs.verb import Verb

_MAX_CREDENTIAL = 90  # bytes of user:password; jambonz's client corrupts or omits longer ones

SampleRate = Literal[8000, 16000, 24000, 32000, 48000, 64000]
"""Hz. The reference's table lacks 32000, which the media server takes (mod_audio_fork: multiples
of 8000) and `listen_codecs` reads."""


class Credentials(Part):
    """User and password."""

    username: Annotated[str, Field(min_length=1)]
    """The user."""
    password: Annotated[str, Field(min_length=1)]
    """The password."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """Read `user`, as the reference's table of SIP targets has it; jambonz wants `username`."""
        return one_of_two(given, "user", "username")


class StreamCredentials(Credentials):
    """User and password of a websocket."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(f"{self.username}:{self.password}".encode()) > _MAX_CREDENTIAL:
            raise ValueError(
                f"user and password have at most {_MAX_CREDENTIAL - 1} bytes together: jambonz "
                "does not send longer ones"
            )
        return self


class BidirectionalAudio(Part):
    """Audio that comes back over the same websocket."""

    enabled: Flag | None = None
    """Whether any is taken."""
    streaming: Flag | None = None
    """Whether it comes as binary frames."""
    sample_rate: int | None = None
    """Rate of those in Hz."""


class Transcribe(Verb):
    """Send what is said as text, while it is said."""

    verb: ClassVar[str] = "transcribe"

    transcription_hook: PlainHook
    """Told each transcription, always by POST; jambonz takes its address only."""
    recognizer: Recognizer | None = None
    """How speech is recognised."""
    translation_hook: PlainHook | None = None
    """Told each translation."""
    early_media: Flag = False
    """Whether it begins before the call is answered."""
    channel: Literal[1, 2] | None = None
    """Which party, nested in dial: 1 is the caller, 2 the one who was called."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """Take an object of nothing but an address for the address."""
        hook = given.get("transcriptionHook") if isinstance(given, dict) else None
        if isinstance(hook, dict) and hook.keys() <= {"url", "method"} and "url" in hook:
            if hook.get("method", "POST") == "POST":
                return {**given, "transcriptionHook": hook["url"]}
            raise ValueError("`transcriptionHook` is always asked by POST")
        return given


class Listen(Verb):
    """Stream the audio of the call to a websocket server."""

    verb: ClassVar[str] = "listen"
    aliases: ClassVar[tuple[str, ...]] = ("stream",)

    url: AudioUrl
    """Address of the server. A port after the path is part of the path to jambonz."""
    action_hook: Hook | None = None
    """Asked when the stream has ended."""
    finish_on_key: str | None = None
    """Key that ends it."""
    max_length: Seconds | None = None
    """Seconds after which it ends."""
    metadata: JsonObject | None = None
    """What is added to the first text frame, at its top level."""
    mix_type: Literal["mono", "stereo", "mixed"] = "mono"
    """The caller alone, both on a channel each, or both in one channel."""
    play_beep: Flag = False
    """Whether a beep is played first."""
    sample_rate: SampleRate = 8000
    """Rate in Hz."""
    timeout: Seconds | None = None
    """Seconds of silence that end it; jambonz takes it and does nothing about it."""
    transcribe: Transcribe | None = None
    """A nested transcribe."""
    ws_auth: StreamCredentials | None = None
    """User and password of the server."""
    pass_dtmf: Flag = False
    """Whether keys are told to the server."""
    bidirectional_audio: BidirectionalAudio | None = None
    """Whether and how audio comes back."""
    disable_bidirectional_audio: Flag | None = None
    """Whether none comes back."""
    channel: Literal[1, 2] | None = None
    """Which party, nested in dial: 1 is the caller, 2 the one who was called."""
    early_media: Flag = False
    """Whether it begins before the call is answered, without answering it."""
    auth: Credentials | None = None
    """Another name that jambonz has for credentials."""

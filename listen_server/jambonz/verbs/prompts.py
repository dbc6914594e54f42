"""What the caller hears and is asked: say, play, pause, gather, dub."""

from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from listen_server.jambonz.model import (
    Count,
    Flag,
    Hook,
    JsonObject,
    Number,
    Seconds,
    Whole,
    one_of_two,
)
from listen_server.jambonz.verbs.aids import FillerNoise, HookDelay
from listen_server.jambonz.verbs.speech import Recognizer, Synthesizer
from listen_server.jambonz.verbs.verb import Verb

FOREVER = "forever"


def _loop(value: object) -> object:
    """Read 0 as the reference does: for ever. jambonz takes it for 1, and wants the word."""
    if value == FOREVER or (value == 0 and not isinstance(value, bool)):
        return FOREVER
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("it must be a number of times, or 0 for ever")
    return value


Loop = Annotated[
    int | Literal["forever"],
    BeforeValidator(_loop, json_schema_input_type=Annotated[int, Field(ge=0)] | Literal["forever"]),
]


_STREAMED: Final[dict[str, JsonValue]] = {
    "required": ["stream"],
    "properties": {"stream": {"const": True}},
}


class Say(Verb):
    """Speak a text to the caller."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["text"]}, _STREAMED]})
    verb: ClassVar[str] = "say"

    text: str | Annotated[list[str], Field(min_length=1)] | None = None
    """What is said, plain or as SSML; required unless it is streamed."""
    synthesizer: Synthesizer | None = None
    """The voice; the application's own without it."""
    loop: Loop = 1
    """How often; 0 is for ever."""
    early_media: Flag = False
    """Whether it is said before the call is answered, without answering it."""
    stream: Flag | None = None
    """Whether the text comes bit by bit in commands; over the websocket only."""
    close_stream_on_empty: Flag | None = None
    """Whether a stream that runs dry ends the verb."""
    instructions: str | None = None
    """How to speak, for vendors that can be told."""
    disable_tts_cache: Flag | None = None
    """Whether it is synthesised anew each time."""

    @model_validator(mode="after")
    def _has_text(self) -> Self:
        if self.text is None and not self.stream:
            raise ValueError("`text` is required")
        return self


class Play(Verb):
    """Play recorded audio to the caller."""

    verb: ClassVar[str] = "play"

    url: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    """Address of a WAV or MP3 file, or several to play in turn."""
    loop: Loop = 1
    """How often; 0 is for ever."""
    early_media: Flag = False
    """Whether it is played before the call is answered, without answering it."""
    seek_offset: Number | str | None = None
    """Where to begin, in samples."""
    timeout_secs: Seconds | str | None = None
    """Seconds after which it ends."""
    action_hook: Hook | None = None
    """Asked when it has ended."""


class Pause(Verb):
    """Wait in silence."""

    verb: ClassVar[str] = "pause"

    length: Seconds
    """Seconds to wait."""


Collected: TypeAlias = Literal["digits", "speech"]


def _digits() -> list[Collected]:
    return ["digits"]


class Gather(Verb):
    """Collect keys or speech."""

    verb: ClassVar[str] = "gather"

    action_hook: Hook
    """Asked with what was collected; always by POST."""
    input: Annotated[list[Collected], Field(min_length=1)] = Field(default_factory=_digits)
    """What is collected. `dtmf`, as the reference's overview has it, is read as `digits`."""
    finish_on_key: str | None = None
    """Key that ends the input."""
    num_digits: Count | None = None
    """How many keys are expected."""
    timeout: Seconds = 5
    """Seconds without input that end it, counted from the end of the prompt."""
    partial_result_hook: Hook | None = None
    """Told interim results; there are none without it."""
    say: Say | None = None
    """Prompt to speak."""
    play: Play | None = None
    """Prompt to play."""
    recognizer: Recognizer | None = None
    """How speech is recognised."""
    min_digits: Whole | None = None
    """How many keys there must be at least."""
    max_digits: Whole | None = None
    """How many keys there may be at most."""
    inter_digit_timeout: Seconds | None = None
    """Seconds between two keys that end it."""
    speech_timeout: Seconds | None = None
    """Seconds of silence after speech that end it."""
    listen_during_prompt: Flag | None = None
    """Whether it listens while the prompt is played."""
    dtmf_bargein: Flag | None = None
    """Whether a key stops the prompt."""
    bargein: Flag | None = None
    """Whether speech stops the prompt."""
    min_bargein_word_count: Whole | None = None
    """How many words it takes to stop it."""
    filler_noise: FillerNoise | None = None
    """What is played while the hook is asked."""
    action_hook_delay_action: HookDelay | None = None
    """What is done while the hook is slow."""

    @property
    def early_media(self) -> bool:
        """Whether it runs before the call is answered: its prompt decides."""
        return any(prompt.early_media for prompt in (self.say, self.play) if prompt)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """Read what the reference's text calls otherwise than its table."""
        given = one_of_two(given, "action", "actionHook")
        given = one_of_two(given, "partialResultCallback", "partialResultHook")
        if not isinstance(given, dict):
            return given
        if isinstance(asked := given.get("input"), list):
            given = {**given, "input": ["digits" if one == "dtmf" else one for one in asked]}
        return _early_prompt(given)


def _early_prompt(given: dict[str, Any]) -> dict[str, Any]:
    """Move `earlyMedia` to the prompt, where jambonz looks for it."""
    name = next((key for key in ("earlyMedia", "early_media") if key in given), None)
    if name is None:
        return given
    rest = {key: value for key, value in given.items() if key != name}
    if given[name] is not True:
        return rest if given[name] is False else given
    for prompt in ("say", "play"):
        inside = rest.get(prompt)
        if isinstance(inside, Verb):
            inside = inside.write_nested()
        if isinstance(inside, dict):
            return {**rest, prompt: {**inside, "earlyMedia": True}}
    raise ValueError("`earlyMedia` needs a nested say or play: jambonz looks for it there")


class Dub(Verb):
    """Add, remove or use a track of audio under the call."""

    verb: ClassVar[str] = "dub"

    action: Literal["addTrack", "removeTrack", "silenceTrack", "playOnTrack", "sayOnTrack"]
    """What is done."""
    track: Annotated[str, Field(min_length=1)]
    """Name of the track."""
    play: str | None = None
    """Address of the audio for it."""
    say: str | JsonObject | None = None
    """Text for it, or a say verb."""
    loop: Flag | None = None
    """Whether it is repeated."""
    gain: Number | str | None = None
    """Decibels, as a number or as text such as "-10 dB"."""

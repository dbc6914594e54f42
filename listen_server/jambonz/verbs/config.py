"""What holds for the rest of the call, and what runs beside its verbs: config."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from listen_server.jambonz.model import (
    AudioUrl,
    Flag,
    Headers,
    Hook,
    JsonObject,
    Number,
    Part,
    PlainHook,
    Seconds,
    Whole,
    one_of_two,
)
from listen_server.jambonz.verbs.aids import (
    Amd,
    FillerNoise,
    HookDelay,
    NoiseIsolation,
    TtsStream,
    TurnTaking,
)
from listen_server.jambonz.verbs.speech import Recognizer, Synthesizer, Vad
from listen_server.jambonz.verbs.streams import BidirectionalAudio, SampleRate, StreamCredentials
from listen_server.jambonz.verbs.verb import Verb


class BackgroundListen(Part):
    """A stream beside the verbs."""

    enable: Flag
    """Whether it is started or stopped."""
    url: AudioUrl | None = None
    """Address of the server."""
    mix_type: Literal["mono", "stereo", "mixed"] | None = None
    """The caller alone, both on a channel each, or both in one channel."""
    sample_rate: SampleRate | None = None
    """Rate in Hz."""
    metadata: JsonObject | None = None
    """What is added to the first text frame."""
    max_length: Seconds | None = None
    """Seconds after which it ends."""
    pass_dtmf: Flag | None = None
    """Whether keys are told to the server."""
    play_beep: Flag | None = None
    """Whether a beep is played first."""
    bidirectional_audio: BidirectionalAudio | None = None
    """Whether and how audio comes back."""
    disable_bidirectional_audio: Flag | None = None
    """Whether none comes back."""
    timeout: Seconds | None = None
    """Seconds of silence that end it."""
    ws_auth: StreamCredentials | None = None
    """User and password of the server."""


class BackgroundTranscribe(Part):
    """A transcription beside the verbs."""

    enable: Flag
    """Whether it is started or stopped."""
    transcription_hook: PlainHook | None = None
    """Told each transcription."""
    recognizer: Recognizer | None = None
    """How speech is recognised."""


class BargeIn(Part):
    """A gather beside the verbs."""

    enable: Flag
    """Whether it is started or stopped."""
    sticky: Flag | None = None
    """Whether it is started again after each input."""
    action_hook: Hook | None = None
    """Asked with what was collected."""
    partial_result_hook: Hook | None = None
    """Told interim results."""
    input: list[Literal["digits", "speech"]] | None = None
    """What is collected."""
    finish_on_key: str | None = None
    """Key that ends the input."""
    num_digits: Whole | None = None
    """How many keys are expected."""
    min_digits: Whole | None = None
    """How many keys there must be at least."""
    max_digits: Whole | None = None
    """How many keys there may be at most."""
    inter_digit_timeout: Seconds | None = None
    """Seconds between two keys that end it."""
    dtmf_bargein: Flag | None = None
    """Whether a key stops the prompt."""
    min_bargein_word_count: Whole | None = None
    """How many words it takes to stop it."""


class RecordOptions(Part):
    """A recording by jambonz, beside the verbs."""

    action: Literal[
        "startCallRecording", "stopCallRecording", "pauseCallRecording", "resumeCallRecording"
    ]
    """What is done."""
    type: Literal["siprec", "cloud"] | None = None
    """Where it goes: a SIPREC server, or the bucket of the account."""
    recording_id: str | None = Field(
        default=None, validation_alias="recordingID", serialization_alias="recordingID"
    )
    """Name of the recording."""
    siprec_server_url: str | list[str] | None = Field(
        default=None, validation_alias="siprecServerURL", serialization_alias="siprecServerURL"
    )
    """Address of the SIPREC server, or several."""
    headers: Headers | None = None
    """SIP headers for it."""


class Config(Verb):
    """Set what holds for the rest of the call."""

    verb: ClassVar[str] = "config"

    synthesizer: Synthesizer | None = None
    """The voice."""
    recognizer: Recognizer | None = None
    """How speech is recognised."""
    barge_in: BargeIn | None = None
    """A gather beside the verbs."""
    listen: BackgroundListen | None = None
    """A stream beside the verbs."""
    transcribe: BackgroundTranscribe | None = None
    """A transcription beside the verbs."""
    record: RecordOptions | None = None
    """A recording beside the verbs."""
    tts_stream: TtsStream | None = None
    """Speech that comes bit by bit."""
    amd: Amd | None = None
    """Detection of answering machines."""
    filler_noise: FillerNoise | None = None
    """What is played while a hook is asked."""
    vad: Vad | None = None
    """Voice activity detection."""
    notify_events: Flag | None = None
    """Whether `verb:status` is sent."""
    notify_stt_latency: Flag | None = None
    """Whether latencies are sent."""
    reset: str | list[str] | None = None
    """What goes back to what the application has."""
    on_hold_music: str | None = None
    """Address of the audio for a call on hold."""
    action_hook_delay_action: HookDelay | None = None
    """What is done while a hook is slow."""
    sip_request_within_dialog_hook: Hook | None = None
    """Told SIP requests of the other end."""
    boost_audio_signal: Number | str | None = None
    """Decibels to add."""
    refer_hook: Hook | None = None
    """Asked about a SIP REFER."""
    early_media: Flag | None = None
    """Whether it may need audio before the call is answered."""
    auto_stream_tts: Flag | None = None
    """Whether every say is streamed."""
    disable_tts_cache: Flag | None = None
    """Whether speech is synthesised anew each time."""
    track_tts_playout: Flag | None = None
    """Whether what was really spoken is told."""
    noise_isolation: NoiseIsolation | None = None
    """Less noise."""
    turn_taking: TurnTaking | None = None
    """Whose turn it is."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return one_of_two(given, "stream", "listen")

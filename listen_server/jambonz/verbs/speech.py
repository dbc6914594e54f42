"""Who speaks and who listens: the `synthesizer` and the `recognizer` of verbs/ that use them.

Options of single vendors are passed on as they are: they change faster than we do.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from listen_server.jambonz.model import Count, Flag, JsonObject, Number, Part, Seconds, one_of_two

DEFAULT = "default"  # jambonz insists on a vendor; this one stands for the application's own


def _with_vendor(given: Any) -> Any:
    return {"vendor": DEFAULT, **given} if isinstance(given, dict) else given


class Synthesizer(Part):
    """A voice."""

    vendor: str = DEFAULT
    """Speech vendor; `polly` is another name of `aws`."""
    label: str | None = None
    """Which of several credentials of the vendor."""
    language: str | None = None
    """Language code; the application's own without it."""
    voice: str | JsonObject | None = None
    """Name of the voice, or an object where a vendor has one; the application's own without it."""
    gender: Literal["MALE", "FEMALE", "NEUTRAL"] | None = None
    """Kind of voice; google only."""
    engine: Literal["standard", "neural", "generative", "long-form"] | None = None
    """Engine; aws only."""
    fallback_vendor: str | None = None
    """Vendor to turn to when the first fails."""
    fallback_label: str | None = None
    """Credential of that vendor."""
    fallback_language: str | None = None
    """Language code for that vendor."""
    fallback_voice: str | JsonObject | None = None
    """Voice of that vendor."""
    options: JsonObject | None = None
    """What is the vendor's own."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        given = _with_vendor(given)
        if isinstance(given, dict) and given["vendor"] == "polly":
            return {**given, "vendor": "aws"}
        return given


class Vad(Part):
    """Detection of voice activity."""

    enable: Flag | None = None
    """Whether it is done."""
    voice_ms: Number | None = None
    """Milliseconds of voice that begin speech."""
    silence_ms: Number | None = None
    """Milliseconds of silence that end it."""
    strategy: str | None = None
    """How it is done."""
    mode: Number | None = None
    """How eager webrtc is, 0 to 3."""
    vendor: Literal["webrtc", "silero"] | None = None
    """Who does it."""
    threshold: Number | None = None
    """How sure silero must be."""
    speech_pad_ms: Number | None = None
    """Milliseconds that silero adds."""


class Recognizer(Part):
    """A listener that turns speech into text."""

    vendor: str = DEFAULT
    """Speech vendor."""
    label: str | None = None
    """Which of several credentials of the vendor."""
    language: str | None = None
    """Language code; the application's own without it, or en-US."""
    fallback_vendor: str | None = None
    """Vendor to turn to when the first fails."""
    fallback_label: str | None = None
    """Credential of that vendor."""
    fallback_language: str | None = None
    """Language code for that vendor."""
    hints: list[str | JsonObject] | None = None
    """Words or phrases to expect."""
    hints_boost: Number | None = None
    """How much they weigh."""
    alt_languages: list[str] | None = None
    """Further languages that may be spoken."""
    profanity_filter: Flag = False
    """Whether profanity is masked."""
    interim: Flag = False
    """Whether interim results are sent too."""
    dual_channel: Flag = False
    """Whether the parent call is transcribed too; jambonz does not do it yet."""
    separate_recognition_per_channel: Flag | None = None
    """Whether both parties are recognised apart."""
    single_utterance: Flag | None = None
    """Whether one utterance is enough."""
    punctuation: Flag | None = None
    """Whether punctuation is added."""
    enhanced_model: Flag | None = None
    """Whether the vendor's better model is used."""
    model: str | None = None
    """The vendor's model."""
    words: Flag | None = None
    """Whether times of words are sent."""
    diarization: Flag | None = None
    """Whether speakers are told apart."""
    diarization_min_speakers: Count | None = None
    """How many there are at least."""
    diarization_max_speakers: Count | None = None
    """How many there are at most."""
    interaction_type: (
        Literal[
            "unspecified",
            "discussion",
            "presentation",
            "phone_call",
            "voicemail",
            "voice_search",
            "voice_command",
            "dictation",
        ]
        | None
    ) = None
    """What kind of talk it is; google only."""
    naics_code: Number | None = None
    """Industry of the talk; google only."""
    identify_channels: Flag | None = None
    """Whether results name their channel; aws only."""
    vocabulary_name: str | None = None
    """Vocabulary of your own; aws only."""
    vocabulary_filter_name: str | None = None
    """Filter of your own; aws only."""
    filter_method: Literal["remove", "mask", "tag"] | None = None
    """What the filter does; aws only."""
    output_format: Literal["simple", "detailed"] | None = None
    """How much is sent; microsoft only."""
    profanity_option: Literal["masked", "removed", "raw"] | None = None
    """What is done about profanity; microsoft only."""
    request_snr: Flag | None = None
    """Whether the signal-to-noise ratio is sent; microsoft only."""
    initial_speech_timeout_ms: Number | None = None
    """Milliseconds of silence before speech; microsoft only."""
    azure_service_endpoint: str | None = None
    """Endpoint of your own; microsoft only."""
    azure_stt_endpoint_id: str | None = None
    """Model of your own; microsoft only."""
    asr_timeout: Seconds | None = None
    """Seconds of silence that end continuous recognition."""
    asr_dtmf_termination_digit: str | None = None
    """Key that ends continuous recognition."""
    fast_recognition_timeout: Seconds | None = None
    """Seconds after which an interim result is taken for final."""
    min_confidence: Annotated[Number | None, Field(ge=0, le=1)] = None
    """Confidence below which a result is not taken."""
    autogenerate_prompt: Flag | None = None
    """Whether the prompt for the vendor is made from the text that was said."""
    vad: Vad | None = None
    """Voice activity detection ahead of the vendor."""
    google_options: JsonObject | None = None
    """What is google's own."""
    aws_options: JsonObject | None = None
    """What is aws's own."""
    azure_options: JsonObject | None = None
    """What is microsoft's own."""
    nuance_options: JsonObject | None = None
    """What is nuance's own."""
    deepgram_options: JsonObject | None = None
    """What is deepgram's own."""
    ibm_options: JsonObject | None = None
    """What is ibm's own."""
    nvidia_options: JsonObject | None = None
    """What is nvidia's own."""
    soniox_options: JsonObject | None = None
    """What is soniox's own."""
    cobalt_options: JsonObject | None = None
    """What is cobalt's own."""
    assembly_ai_options: JsonObject | None = None
    """What is assemblyai's own."""
    custom_options: JsonObject | None = None
    """What is a custom vendor's own."""
    verbio_options: JsonObject | None = None
    """What is verbio's own."""
    speechmatics_options: JsonObject | None = None
    """What is speechmatics's own."""
    openai_options: JsonObject | None = None
    """What is openai's own."""
    houndify_options: JsonObject | None = None
    """What is houndify's own."""
    gladia_options: JsonObject | None = None
    """What is gladia's own."""
    elevenlabs_options: JsonObject | None = None
    """What is elevenlabs's own."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return _with_vendor(one_of_two(given, "lang", "language"))

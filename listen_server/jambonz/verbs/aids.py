"""What helps a verb along: noise while a hook is asked, machines told from people, and the like."""

from listen_server.jambonz.model import Flag, Hook, JsonObject, Number, Part, Seconds
from listen_server.jambonz.verbs.speech import Recognizer, Synthesizer


class FillerNoise(Part):
    """What is played while a hook is asked."""

    enable: Flag
    """Whether anything is."""
    url: str | None = None
    """Address of the audio."""
    start_delay_secs: Seconds | None = None
    """Seconds until it begins."""


class HookDelay(Part):
    """What is done while a hook is slow."""

    enabled: Flag | None = None
    """Whether anything is."""
    no_response_timeout: Seconds | None = None
    """Seconds until the actions begin."""
    no_response_give_up_timeout: Seconds | None = None
    """Seconds until the hook is given up."""
    retries: Number | None = None
    """How often the actions are done."""
    actions: list[JsonObject] | None = None
    """Verbs to execute meanwhile."""
    give_up_actions: list[JsonObject] | None = None
    """Verbs to execute in the end."""


class TtsStream(Part):
    """Speech that comes bit by bit."""

    enable: Flag
    """Whether it does."""
    synthesizer: Synthesizer | None = None
    """The voice."""


class AmdTimers(Part):
    """How long the detection of answering machines waits, in milliseconds."""

    no_speech_timeout_ms: Number | None = None
    """For speech."""
    decision_timeout_ms: Number | None = None
    """For a decision."""
    tone_timeout_ms: Number | None = None
    """For the tone of a machine."""
    greeting_completion_timeout_ms: Number | None = None
    """For the end of its greeting."""


class Amd(Part):
    """Detection of answering machines."""

    action_hook: Hook
    """Told what was detected."""
    threshold_word_count: Number | None = None
    """Words of a greeting that make a machine."""
    digit_count: Number | None = None
    """Digits of a greeting that make a machine."""
    timers: AmdTimers | None = None
    """How long each thing is waited for."""
    recognizer: Recognizer | None = None
    """How the greeting is recognised."""


class NoiseIsolation(Part):
    """Less noise."""

    enable: Flag | None = None
    """Whether it is done."""
    vendor: str | None = None
    """Who does it."""
    level: Number | None = None
    """How much."""
    model: str | None = None
    """The vendor's model."""


class TurnTaking(Part):
    """Whose turn it is to speak."""

    enable: Flag | None = None
    """Whether it is told."""
    vendor: str | None = None
    """Who tells it."""
    threshold: Number | None = None
    """How sure it must be."""
    model: str | None = None
    """The vendor's model."""


class RoomRecording(Part):
    """Where a conference is recorded to."""

    path: str
    """Path on the media server."""


class CallFrom(Part):
    """Who a call comes from, as its target sees it."""

    user: str | None = None
    """The user."""
    host: str | None = None
    """The host."""

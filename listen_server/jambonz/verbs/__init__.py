"""Every verb that jambonz executes, as a model that refuses what jambonz would not take."""

from listen_server.jambonz.verbs.aids import (
    Amd,
    AmdTimers,
    CallFrom,
    FillerNoise,
    HookDelay,
    NoiseIsolation,
    RoomRecording,
    TtsStream,
    TurnTaking,
)
from listen_server.jambonz.verbs.calls import Answer, Dial, Hangup, Redirect, SipDecline, Tag
from listen_server.jambonz.verbs.config import (
    BackgroundListen,
    BackgroundTranscribe,
    BargeIn,
    Config,
    RecordOptions,
)
from listen_server.jambonz.verbs.placement import Application, Place, encode
from listen_server.jambonz.verbs.prompts import Dub, Gather, Pause, Play, Say
from listen_server.jambonz.verbs.reading import VERBS, Raw, read_verb
from listen_server.jambonz.verbs.rooms import Conference, Dequeue, Enqueue, Leave
from listen_server.jambonz.verbs.schema import application_schema
from listen_server.jambonz.verbs.speech import Recognizer, Synthesizer, Vad
from listen_server.jambonz.verbs.streams import (
    BidirectionalAudio,
    Credentials,
    Listen,
    StreamCredentials,
    Transcribe,
)
from listen_server.jambonz.verbs.targets import OtherTarget, Phone, Sip, Target, User
from listen_server.jambonz.verbs.verb import Verb

__all__ = [
    "VERBS",
    "Amd",
    "AmdTimers",
    "Answer",
    "Application",
    "BackgroundListen",
    "BackgroundTranscribe",
    "BargeIn",
    "BidirectionalAudio",
    "CallFrom",
    "Conference",
    "Config",
    "Credentials",
    "Dequeue",
    "Dial",
    "Dub",
    "Enqueue",
    "FillerNoise",
    "Gather",
    "Hangup",
    "HookDelay",
    "Leave",
    "Listen",
    "NoiseIsolation",
    "OtherTarget",
    "Pause",
    "Phone",
    "Place",
    "Play",
    "Raw",
    "Recognizer",
    "RecordOptions",
    "Redirect",
    "RoomRecording",
    "Say",
    "Sip",
    "SipDecline",
    "StreamCredentials",
    "Synthesizer",
    "Tag",
    "Target",
    "Transcribe",
    "TtsStream",
    "TurnTaking",
    "User",
    "Vad",
    "Verb",
    "application_schema",
    "encode",
    "read_verb",
]

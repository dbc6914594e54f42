"""Audio as ordinary files. README.md is the page to read."""

from listen_sinks.recording.config import RecordingConfig
from listen_sinks.recording.plugin import Recording

__all__ = ["Recording", "RecordingConfig"]

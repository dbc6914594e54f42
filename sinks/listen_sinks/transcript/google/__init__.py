"""Google Cloud Speech-to-Text as an engine: plugin.py is the door, README.md explains it."""

from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.plugin import Google

__all__ = ["Google", "GoogleConfig"]

"""What an operator can choose about transcripts. sink.py acts on it, README.md explains it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from listen_sinks.transcript.engines import read_engine_config


class TranscriptConfig(BaseModel):
    """`[sinks.transcript]`: who understands the calls, and who is told."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    engine: str = "null"
    """`google`, `pocketsphinx`, another that is installed, or `null`: no transcript at all."""
    language: str = "en-US"
    """What is spoken, as BCP 47 has it: `en-US`, `de-DE`."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """The engine's own settings: `[sinks.transcript.options]`."""
    hook: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$")
    """URL that gets each final result, as jambonz's own `transcriptionHook` would."""
    hook_secret: SecretStr | None = None
    """Signs the hook as jambonz does: the account's webhook secret."""
    hook_interim: bool = False
    """Send interim results to the hook too."""
    hook_timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds that one delivery may take; there are three tries."""
    ring_seconds: float = Field(default=20.0, gt=0, le=600)
    """Seconds of audio that are kept for another engine, where one breaks off."""
    catch_up_seconds: float = Field(default=300.0, ge=0, le=86400)
    """Seconds of older audio that it hears from a sink which keeps the stream (`voicemail`)."""
    open_timeout: float = Field(default=30.0, gt=0)
    """Seconds that an engine may take to get ready, or to take a block of audio."""
    drain_timeout: float = Field(default=120.0, ge=0)
    """Seconds after hang-up in which last words are waited for."""
    close_timeout: float = Field(default=20.0, ge=0)
    """Seconds that a server which stops waits for last words."""

    @model_validator(mode="after")
    def _check_engine(self) -> Self:
        read_engine_config(self.engine, self.options)
        return self

"""What an operator can choose about Google. plugin.py acts on it, README.md explains it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class GoogleConfig(BaseModel):
    """The options of the engine `google`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    api: Literal["v2", "v1"] = "v2"
    """The version of Google's interface."""
    project: str | None = Field(default=None, min_length=1)
    """The id of the project in Google Cloud; the credential's own, if absent (v2 only)."""
    location: str = Field(default="global", pattern=r"^[a-z0-9-]+$")
    """Where Google works on the audio: `global`, `eu`, `us`, `europe-west4` ..."""
    recognizer: str = Field(default="_", min_length=1)
    """A recognizer made beforehand; `_` is none (v2 only)."""
    credentials_file: Path | None = None
    """The key file of a service account; what the Google SDK finds, if absent."""

    alternative_languages: tuple[str, ...] = Field(default=(), max_length=3)
    """Further languages that may be spoken (BCP 47); Google decides which one is."""
    model: str | None = Field(default=None, min_length=1)
    """Google's model; `telephony` at 8 kHz and the one for long audio above it, if absent."""
    hints: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(), max_length=1000
    )
    """Words and phrases that are likely: names, products. At most 100 characters each."""
    hint_boost: float = Field(default=10.0, gt=0, le=20)
    """How much more likely hints are."""
    profanity_filter: bool = False
    """Replace all but the first letter of rude words by asterisks."""
    punctuation: bool = True
    """Let Google write full stops, commas and capital letters."""
    interim_results: bool = True
    """Give results while somebody still speaks; each replaces the one before."""
    word_times: bool = True
    """Ask when each word was said; a few models refuse that."""

    voice_activity: bool = True
    """Close the stream, which costs money, while nobody speaks."""
    silence: float = Field(default=5.0, ge=1, le=8)
    """Seconds of silence, or without any audio, after which it is closed; Google ends it after
    about 10 without audio."""
    stream_seconds: float = Field(default=240.0, ge=10, le=250)
    """Seconds after which a stream is replaced in the next pause; Google ends it after 300."""
    held_seconds: float = Field(default=60.0, ge=10, le=240)
    """Seconds of audio kept because no final result covers it; then the stream is replaced."""
    answer_timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds that Google may take to accept audio, or to end a stream that we have ended."""
    patience: float = Field(default=10.0, gt=0, le=300)
    """Seconds of faults in a row after which this engine gives up, and the sink begins another."""

    endpoint: str | None = Field(default=None, pattern=r"^[^/\s]+:\d+$")
    """Host and port in place of Google's, for a private endpoint or the stand-in."""
    insecure: bool = False
    """Speak to `endpoint` without TLS and credentials: to the stand-in, never to Google."""
    root_certificates: Path | None = None
    """A PEM file with who vouches for `endpoint`, where that is not a public authority."""

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.endpoint is None and (self.insecure or self.root_certificates):
            which = "insecure" if self.insecure else "root_certificates"
            raise ValueError(f"{which} needs an endpoint that is not Google's")
        return self

    @property
    def target(self) -> str:
        """Host and port to connect to."""
        if self.endpoint is not None:
            return self.endpoint
        prefix = "" if self.location == "global" else f"{self.location}-"
        return f"{prefix}speech.googleapis.com:443"

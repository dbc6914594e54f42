"""What an operator can choose about recordings. sink.py acts on it, README.md explains it."""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

RIFF_LIMIT: Final = 2**32 - 2**16
"""Bytes of a WAV file: its sizes are unsigned 32-bit numbers (RIFF), with some room to spare."""


class RecordingConfig(BaseModel):
    """`[sinks.recording]`: where recordings go, and in which form."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    format: Literal["wav", "flac", "opus"] = "wav"
    """What a finished recording is: WAV and FLAC keep every sample, Opus a tenth of the bytes."""
    layout: Literal["stream", "channel"] = "stream"
    """One file with all channels of a stream, or one file per channel."""
    directory: Path | None = None
    """Where recordings lie, if not in `recordings` in the data directory."""
    dtmf: bool = False
    """Write the keys that a caller presses into the sidecar; they may be a PIN."""
    write_interval: float = Field(default=0.5, gt=0, le=10)
    """Seconds between two writes: what a killed server can lose."""
    max_file_bytes: int = Field(default=RIFF_LIMIT, ge=2**16, le=RIFF_LIMIT)
    """Size at which a recording goes on in another file."""
    encoders: int = Field(default=1, ge=1, le=32)
    """Processes that make FLAC and Opus."""

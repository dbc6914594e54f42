"""What an operator can choose about recordings. sink.py acts on it, README.md explains it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from listen_sinks.objects import SCHEMES

RIFF_LIMIT: Final = 2**32 - 2**16
"""Bytes of a WAV file: its sizes are unsigned 32-bit numbers (RIFF), with some room to spare."""

_MEBI: Final = 2**20


class RecordingConfig(BaseModel):
    """`[sinks.recording]`: where recordings go, and in which form."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    format: Literal["wav", "flac", "opus"] = "wav"
    """What a finished recording is: WAV and FLAC keep every sample, Opus a tenth of the bytes."""
    layout: Literal["stream", "channel"] = "stream"
    """One file with all channels of a stream, or one file per channel."""
    directory: Path | None = None
    """Where recordings lie, if not in `recordings` in the data directory; with a bucket as
    `store`, until they are there."""
    store: str | None = Field(default=None, min_length=1)
    """Where finished recordings are kept: a directory (the same as `directory`), or `s3://`,
    `gs://`, `az://` and a bucket."""
    store_options: Mapping[str, SecretStr] = Field(default_factory=dict)
    """What the bucket needs: `endpoint`, `region`, ... ; what is not there comes from the
    environment, as the cloud's own tools read it."""
    dtmf: bool = False
    """Write the keys that a caller presses into the sidecar; they may be a PIN."""
    write_interval: float = Field(default=0.5, gt=0, le=10)
    """Seconds between two writes: what a killed server can lose."""
    max_file_bytes: int = Field(default=RIFF_LIMIT, ge=2**16, le=RIFF_LIMIT)
    """Size at which a recording goes on in another file."""
    encoders: int = Field(default=1, ge=1, le=32)
    """Processes that make FLAC and Opus."""
    low_water: int = Field(default=256 * _MEBI, ge=0)
    """Free bytes where recordings lie below which new calls are refused."""
    uploads: int = Field(default=4, ge=1, le=64)
    """Recordings that are shipped to a bucket at once."""
    close_timeout: float = Field(default=20.0, ge=0)
    """Seconds that a server which stops waits for recordings to be shipped."""

    @property
    def bucket(self) -> str | None:
        """The url of the bucket, if it is one that recordings go to."""
        scheme = _scheme(self.store)
        return self.store if scheme and scheme != "file" else None

    @property
    def folder(self) -> Path | None:
        """The directory that was chosen."""
        if self.store is None or self.bucket is not None:
            return self.directory
        return Path(self.store.removeprefix("file://"))

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        scheme = _scheme(self.store)
        if scheme and scheme not in SCHEMES:
            raise ValueError(f"`store`: {scheme}:// is none of {', '.join(SCHEMES)}")
        if self.bucket is None and self.store_options:
            raise ValueError("`store_options`: a directory has no options")
        if self.bucket is None and self.store is not None and self.directory is not None:
            raise ValueError("`store`, `directory`: two directories; leave one of them out")
        return self


def _scheme(store: str | None) -> str | None:
    scheme, separator, _ = (store or "").partition("://")
    return scheme if separator else None

"""What an operator can choose about voicemail. sink.py acts on it, README.md explains it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from listen_sinks.objects import SCHEMES
from listen_sinks.voicemail.keys.making import read_provider_config

_MEBI: Final = 2**20


class KeysConfig(BaseModel):
    """`[sinks.voicemail.keys]`: who has the root key; every other key in it is the provider's."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    provider: str = "file"
    """`file`, `vault`, `aws-kms`, `gcp-kms`, or another that is installed."""

    @property
    def own(self) -> Mapping[str, Any]:
        """The provider's own keys."""
        return self.model_extra or {}

    @model_validator(mode="after")
    def _check_provider(self) -> Self:
        read_provider_config(self.provider, self.own)
        return self


class VoicemailConfig(BaseModel):
    """`[sinks.voicemail]`: where messages go, and who can open them."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    store: str = "store"
    """Where sealed messages are kept: a directory, or `s3://`, `gs://`, `az://` and a bucket."""
    store_options: Mapping[str, SecretStr] = Field(default_factory=dict)
    """What the bucket needs: `endpoint`, `region`, ... ; what is not there comes from the
    environment, as the cloud's own tools read it."""
    database: SecretStr | None = None
    """The index: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`;
    if not given, `index.db` in the data directory."""
    keys: KeysConfig = Field(default_factory=KeysConfig)
    """Who has the root key."""
    number_secret: Path = Path("numbers.secret")
    """The file with what numbers are hashed with; made on first start."""
    create_mailboxes: bool = True
    """Make a mailbox for a tenant that has none. Without it, this process needs no root key."""
    min_seconds: float = Field(default=0.0, ge=0)
    """Shorter messages are discarded, and counted; a mailbox can have its own."""
    dtmf: bool = False
    """Keep the keys that a caller presses, sealed with the rest; they may be a PIN."""
    spool: Path = Path("spool")
    """Where messages lie until they are in the store; best a volume of its own."""
    write_interval: float = Field(default=0.5, gt=0, le=10)
    """Seconds between two writes: what a killed server can lose."""
    sync_interval: float = Field(default=1.0, gt=0, le=10)
    """Seconds between two syncs: with the other, what power loss can cost."""
    low_water: int = Field(default=256 * _MEBI, ge=0)
    """Free bytes of the spool below which new calls are refused."""
    reserve: int = Field(default=32 * _MEBI, ge=_MEBI // 16)
    """Bytes set aside on the spool for the last words of calls when it is full."""
    uploads: int = Field(default=4, ge=1, le=64)
    """Messages that are shipped at once."""
    close_timeout: float = Field(default=20.0, ge=0)
    """Seconds that a server which stops waits for messages to be shipped."""
    transcript_wait: float = Field(default=3.0, ge=0, le=60)
    """Seconds after hang-up that a message waits for its last words; later ones come in a part of
    their own."""
    transcribe_interval: float = Field(default=60.0, ge=0)
    """Seconds between two looks for messages whose engine was away; 0 leaves that to other
    processes, or to `listen-server messages transcribe`."""
    refresh_interval: float = Field(default=10.0, gt=0)
    """Seconds between two looks at which mailboxes there are."""
    housekeeping_interval: float = Field(default=3600.0, ge=0)
    """Seconds between two rounds that delete by age, erase what was deleted, and finish erasures;
    0 leaves that to other processes, or to `listen-server messages tidy`."""

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        scheme, separator, _ = self.store.partition("://")
        if separator and scheme not in SCHEMES:
            raise ValueError(f"`store`: {scheme}:// is none of {', '.join(SCHEMES)}")
        return self

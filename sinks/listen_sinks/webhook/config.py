"""How a service that receives events is described in the configuration. target.py speaks to it."""

import base64
import binascii
import hashlib
import ipaddress
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from listen_sinks.webhook.addresses import Network
from listen_sinks.webhook.events import TYPES, EventType

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what all secrets begin with
_BYTES: Final = range(24, 65)  # of a secret (Standard Webhooks, "Signature scheme")
_MAX_SECRETS: Final = 4


def check_secret(text: str) -> str:
    """Return a secret if it is one. Raises ValueError with a sentence that does not quote it."""
    encoded = text.removeprefix(SECRET_PREFIX).rstrip("=")
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        known = text.startswith(SECRET_PREFIX)
        size = len(base64.b64decode(padded, validate=True)) if known else 0
    except (ValueError, binascii.Error):
        size = 0
    if size not in _BYTES:
        raise ValueError(
            "a secret is `whsec_` and 24 to 64 bytes in base64: make one with "
            "`echo whsec_$(openssl rand -base64 32)`"
        )
    return text


def _listed(value: object) -> object:
    """Take one for a list of one; the environment has commas between several."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",")]
    return [value] if isinstance(value, SecretStr) else value


def _secret(value: SecretStr) -> SecretStr:
    check_secret(value.get_secret_value())
    return value


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        usable = usable and url.isascii() and url.isprintable()
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.fragment:
        raise ValueError("it must be an address such as https://example.com/events")
    return url


def _networks(value: object) -> object:
    try:
        return tuple(ipaddress.ip_network(str(one)) for one in _listed(value))  # type: ignore[attr-defined] # a TypeError if not
    except (ValueError, TypeError):
        raise ValueError('a list of networks is asked for, such as ["10.20.0.0/16"]') from None


class TargetConfig(BaseModel):
    """Where a service is, and how it knows that it is us."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    url: Annotated[str, AfterValidator(_url), Field(repr=False)]
    """Address that events are posted to."""
    secret: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_secret)], ...], BeforeValidator(_listed)
    ] = Field(default=(), max_length=_MAX_SECRETS)
    """Secret that signs, `whsec_...`; a list of two while it is changed: both sign then."""
    secret_file: Path | None = None
    """File with the secret instead, one a line; read anew for every delivery."""
    timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds that the service may take to answer."""
    allow_networks: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = ()
    """Networks inside that it may be in, such as `["10.20.0.0/16"]`."""
    allow_http: bool = False
    """Send without TLS to what is not on this machine."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if bool(self.secret) == (self.secret_file is not None):
            raise ValueError("give either secret or secret_file")
        return self

    @model_validator(mode="after")
    def _tls(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.allow_http and not _is_here(parts.hostname or ""):
            raise ValueError("url has no TLS: use https, or set allow_http")
        return self

    @property
    def fingerprint(self) -> str:
        """64 hex digits that are others for another address."""
        return hashlib.sha256(self.url.encode()).hexdigest()


class WebhookSettings(TargetConfig):
    """`[webhooks.NAME]`: who is told of what."""

    events: Annotated[tuple[EventType, ...], BeforeValidator(_listed)] = Field(
        default=TYPES, min_length=1
    )
    """Which events; all of them if not given."""
    tenants: Annotated[tuple[str, ...], BeforeValidator(_listed)] | None = None
    """Whose events; those of all tenants, and of none, if not given."""
    give_up_days: float = Field(default=3.0, gt=0, le=30)
    """Days after which an event that could not be delivered is given up."""
    at_once: int = Field(default=8, ge=1, le=64)
    """Events that are on their way at once; those about one thing never are."""


class StreamConfig(TargetConfig):
    """`[sinks.webhook]`: who is told of what happens in a stream while it is on."""

    dtmf: bool = False
    """Tell which keys a caller presses; they may be a PIN."""
    metadata: bool = False
    """Tell the numbers of the call, and all that jambonz and the verb say of it."""
    patience: float = Field(default=300.0, gt=0, le=3600)
    """Seconds after which what could not be delivered is dropped."""
    at_once: int = Field(default=32, ge=1, le=256)
    """Streams whose events are on their way at once."""
    close_timeout: float = Field(default=10.0, ge=0)
    """Seconds that a server which stops waits for events to be delivered."""


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

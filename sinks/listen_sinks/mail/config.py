"""`[mail]`: who carries mail to owners of mailboxes, and what is in it. smtp.py speaks to it."""

import hashlib
import ipaddress
import re
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from listen_sinks.webhook.events import EventType

Tls: TypeAlias = Literal["starttls", "tls", "none"]

NAME: Final = "mail"
"""What the outbox calls whoever is told by mail."""
_LONGEST_ADDRESS: Final = 254  # characters: RFC 5321, 4.5.3.1.3, as errata 1690 has it
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[0-9A-Za-z.-]+")
_HOST: Final = re.compile(r"[0-9A-Za-z._:-]{1,253}")


def read_address(text: str) -> Address:
    """Read `ann@example.com` or `Ann <ann@example.com>`. Raises ValueError, which quotes nothing.

    Only what can be written on a line of SMTP without any extension, and without quotes.
    """
    name, plain = parseaddr(text)
    sound = text.isprintable() and plain.isascii() and len(plain) <= _LONGEST_ADDRESS
    if sound and _ADDRESS.fullmatch(plain):
        with suppress(ValueError, IndexError, MessageError):
            return Address(display_name=name, addr_spec=plain)
    raise ValueError("it must be an address of mail such as voicemail@example.com")


def _sender(text: str) -> str:
    read_address(text)
    return text


def _host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError("a name or an address is asked for, such as smtp.example.com")
    return host


class MailSettings(BaseModel):
    """`[mail]`: how owners of mailboxes are told of messages by mail."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    host: Annotated[str, AfterValidator(_host)]
    """The mail server that takes what is sent, such as smtp.example.com."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port: 587 with `starttls`, mostly 465 with `tls`."""
    tls: Tls = "starttls"
    """`starttls` (asked for, and insisted on), `tls` from the first byte, or `none`."""
    user: str | None = Field(default=None, min_length=1)
    """Who logs in; nobody without it."""
    password: SecretStr | None = None
    """The password."""
    password_file: Path | None = None
    """File with the password instead, below the data directory; read anew for every mail."""
    sender: Annotated[str, AfterValidator(_sender)]
    """From whom mails are: `voicemail@example.com`, or `Voicemail <voicemail@example.com>`."""
    show_caller: bool = True
    """Show the number of who called."""
    wait_for_transcript: float = Field(default=30.0, ge=0, le=600)
    """Seconds that a mail waits for the words of its message, where an engine is at work."""
    link_hours: float = Field(default=24.0, ge=0, le=24 * 30)
    """Hours for which the link in a mail plays the message; 0: no link."""
    timeout: float = Field(default=60.0, gt=0, le=600)
    """Seconds that one mail may take, with all that it stands on."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, below the data directory."""
    give_up_days: float = Field(default=3.0, gt=0, le=30)
    """Days after which a mail that could not be delivered is given up."""

    events: ClassVar[tuple[EventType, ...]] = ("message.received",)
    tenants: ClassVar[None] = None  # all of them
    at_once: ClassVar[int] = 2  # some providers take three connections, and no more
    fingerprint: ClassVar[str] = hashlib.sha256(NAME.encode()).hexdigest()

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give either password or password_file")
        if (self.user is None) != (self.password is None and self.password_file is None):
            raise ValueError("user and password belong together: give both or none")
        return self

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if self.tls == "none" and self.user is not None and not _is_here(self.host):
            raise ValueError("the password would cross the network in the clear: set tls")
        return self

    @property
    def domain(self) -> str:
        """The domain of the sender, in which ids of mails are."""
        return read_address(self.sender).domain


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

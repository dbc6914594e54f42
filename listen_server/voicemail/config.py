"""Settings of the voicemail that a caller hears: `[voicemail]`. applications.py acts on them."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from listen_server.voicemail.moments import known_zone
from listen_server.voicemail.sentences import faults_of

PATH: Final = "/jambonz/voicemail"
DEADLINE: Final = 4.0
"""Seconds that a hook may take; jambonz waits 5 over the websocket."""


class VoicemailSettings(BaseModel):
    """`[voicemail]`: the application that takes messages, and reads them to their owners."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    enabled: bool | None = None
    """Whether it is served; without a word, where a route has a voicemail sink."""
    path: str = PATH
    """Where: the address to enter in jambonz; owners call PATH/owner."""
    tenant: str = "local"
    """Whose calls they are where only `secrets` say who comes; else the credential says it."""
    secrets: tuple[SecretStr, ...] = ()
    """Webhook secrets of the jambonz account: hooks by POST must be signed with one."""
    sink: str = "voicemail"
    """Name of the sink whose mailboxes these are."""
    listen: str | None = None
    """Route that messages are streamed to; the first that has the sink, without a word."""
    catch_all: bool = False
    """Take messages for numbers that no mailbox has: they go to the tenant's catch-all."""
    retrieval: bool = True
    """Whether owners can hear their messages by phone."""
    link_minutes: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Minutes that an address of audio works which jambonz is given."""
    review_wait: Annotated[float, Field(ge=0, le=3.5)] = 3.0
    """Seconds that a caller waits for the recording before it is offered for review."""
    max_seconds: Annotated[float, Field(ge=1, le=14_400)] = 180.0
    """How long a message may be; a mailbox can have its own limit."""
    end_on_silence: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds of silence that end a message; 0 waits for a key or the end."""
    beep: bool = True
    """Whether a tone tells when to speak."""
    finish_on_key: Annotated[str, Field(pattern="^[0-9*#]$")] = "#"
    """Key that ends a message."""
    language: str | None = None
    """Language of what is said, such as `en-US`; the application's own in jambonz without it."""
    voice: str | None = None
    """Voice that says it."""
    vendor: str | None = None
    """Speech vendor of that voice."""
    call_back_prefixes: tuple[str, ...] = ()
    """Prefixes of numbers that owners may call back, such as `["+1555"]`; none: no calls at all."""
    time_zone: str = "UTC"
    """Time zone in which dates are said, such as `Europe/Berlin`; a mailbox can have its own."""
    sentences: Mapping[str, str] = Field(default_factory=dict)
    """Sentences of your own, by name, or by language and name, as in `"de.thanks"`."""

    @field_validator("tenant")
    @classmethod
    def _is_tenant(cls, tenant: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,22}", tenant, re.ASCII):
            raise ValueError("1 to 23 of a-z, 0-9 and - are asked for")
        return tenant

    @field_validator("path", "listen")
    @classmethod
    def _is_path(cls, path: str | None) -> str | None:
        if path is not None and not re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII):
            raise ValueError("a path is asked for, such as /jambonz/voicemail")
        return path

    @field_validator("call_back_prefixes")
    @classmethod
    def _are_prefixes(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"\+[0-9]{1,14}", prefix) for prefix in prefixes):
            raise ValueError("each begins with + and a country code, such as +1555")
        return prefixes

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        if known_zone(name) is None:
            raise ValueError("this machine knows no such time zone; UTC is always there")
        return name

    @field_validator("sentences")
    @classmethod
    def _are_sentences(cls, sentences: Mapping[str, str]) -> Mapping[str, str]:
        if faults := faults_of(sentences):
            raise ValueError("; ".join(faults))
        return sentences


class _HasSinks(Protocol):
    @property
    def sinks(self) -> tuple[str, ...]:
        """Names of sinks."""


def stream_route(wanted: VoicemailSettings, routes: Mapping[str, _HasSinks]) -> str | None:
    """Return the path that messages are streamed to; None if the application is not served.

    A route for recorders, or with a part to fill in, is none to send a caller to.
    """
    if wanted.enabled is False:
        return None
    if wanted.listen is not None:
        return wanted.listen
    fit = (
        path
        for path, route in routes.items()
        if wanted.sink in route.sinks and "{" not in path and "record" not in path.split("/")
    )
    return next(fit, None)

"""Settings of what belongs to live calls: `[jambonz.TENANT]` and `[applications."/PATH"]`."""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
"""What jambonz names calls and accounts with."""


class JambonzAccount(BaseModel):
    """`[jambonz.TENANT]`: the REST API of a tenant's jambonz account."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    url: str
    """Address of the API, such as https://jambonz.example.com/api/v1."""
    token: SecretStr
    """An API key of the account."""
    account_sid: str | None = Field(default=None, pattern=SID.pattern)
    """The account; without it, the one that the call's stream names."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds that jambonz may take."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not re.match("https?://[^/@]+(?:/|$)", url):
            raise ValueError("it must begin with https:// (or http://) and a host")
        return url.rstrip("/")


class ApplicationSettings(BaseModel):
    """`[applications."/PATH"]`: an application that this server serves to jambonz."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    application: str
    """Where its class is: `package.module:Name`."""
    tenant: str = "local"
    """Whose calls it has. A credential of this tenant, of any scope, lets jambonz in; where
    streams need none, hooks from this machine need none either."""
    secrets: tuple[SecretStr, ...] = ()
    """Webhook secrets of the jambonz account, to check `Jambonz-Signature` with."""

    @field_validator("application")
    @classmethod
    def _place(cls, place: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", place):
            raise ValueError("a class is asked for, such as package.module:Name")
        return place

"""What the value of a setting may be, type by type. settings.py has the settings.

TOML knows numbers, booleans and texts apart, and so do we: `port = "8080"` is a mistake there.
The environment knows texts alone; its values come as `Word` and are read as what is asked for.
"""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from listen_codecs.formats import SAMPLE_RATES

_ASKED_FOR: Final[dict[type, str]] = {
    bool: "true or false is asked for",
    int: "a whole number is asked for",
    float: "a number is asked for",
}
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


class Word(str):
    """A text that may stand for a number or for true and false, because its source has no such."""

    __slots__ = ()


class Typed(BaseModel):
    """A model that takes no number for true, no text for a number, and no true for 1."""

    @field_validator("*", mode="before")
    @classmethod
    def _as_its_type(cls, value: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[info.field_name or ""].annotation
        for plain, says in _ASKED_FOR.items():
            if _holds(annotation, plain):
                return _checked(value, plain, says)
        return value


def _holds(annotation: Any, plain: type) -> bool:
    kinds = getattr(annotation, "__args__", (annotation,))
    return any(getattr(kind, "__origin__", kind) is plain for kind in kinds)


def _checked(value: object, plain: type, says: str) -> object:
    takes = {bool: (bool, Word), int: (int, Word), float: (int, float, Word)}[plain]
    mistaken = isinstance(value, bool) and plain is not bool
    if value is not None and (mistaken or not isinstance(value, takes)):
        raise ValueError(says)
    return value


def _known_rate(rate: int) -> int:
    if rate not in SAMPLE_RATES:
        raise ValueError(f"jambonz sends one of {', '.join(map(str, SAMPLE_RATES))}")
    return rate


def names_or_any(value: object) -> object:
    """Take one name, or several with commas between them, for a list of names."""
    if isinstance(value, str) and value != "any":
        value = value.split(",")
    if value == "any" or (isinstance(value, list | tuple) and all(value) and value):
        return value
    raise ValueError('a list of names is asked for, or "any"')


def _listed(value: object) -> object:
    """Take a text with commas for a list."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("addresses or networks are asked for, such as 10.0.0.0/8") from None
    return text


def _host(text: str) -> str:
    """Take an address, or what may be a name; whether it is one of this machine shows later."""
    try:
        ip_address(text)
    except ValueError:
        if not _HOST.fullmatch(text) or re.fullmatch(r"[\d.]+", text):
            raise ValueError(
                "an address or a name without a port is asked for, such as 127.0.0.1, :: (every "
                "address) or localhost"
            ) from None
    return text


def _path(value: object) -> object:
    """Take `~` for the home directory; a shell does so on the command line alone."""
    text = str(value) if isinstance(value, str | Path) else ""
    if value == "":
        raise ValueError("a path is asked for; the current directory is `.`")
    if not text.startswith("~"):
        return value
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"nobody on this machine has the home directory {text}") from None


def _audio_url(url: str) -> str:
    if not re.match("wss?://[^/@]+(?:/|$)", url):
        raise ValueError("it must begin with wss:// (or ws://) and a host, and name no user")
    return url


def _web_url(url: str) -> str:
    if not re.match("https?://[^/@]+(?:/|$)", url):
        raise ValueError("it must begin with https:// (or http://) and a host, and name no user")
    return url.rstrip("/")


def _collector_url(url: str) -> str:
    if not re.match("https?://[^/]", url):
        raise ValueError("it must begin with http:// or https:// and a host")
    return url


def lower(value: object) -> object:
    """Take `INFO` for `info`."""
    return value.lower() if isinstance(value, str) else value


Rate = Annotated[int, AfterValidator(_known_rate)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Host = Annotated[str, AfterValidator(_host)]
File = Annotated[Path, BeforeValidator(_path)]
AudioUrl = Annotated[str, AfterValidator(_audio_url)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
CollectorUrl = Annotated[str, AfterValidator(_collector_url)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_listed)]

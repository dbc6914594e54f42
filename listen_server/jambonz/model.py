"""What all parts of a verb are made of: camelCase on the wire, and only what the author has set.

verbs/ builds on it. jambonz checks types exactly (`typeof`) and refuses properties that it does
not know (@jambonz/verb-specifications, jambonz-app-json-validation.js), so both are done here.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationError,
    WrapSerializer,
)
from pydantic.alias_generators import to_camel

from listen_server.jambonz.errors import Refused


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where jambonz finds what a verb names by its path alone."""

    web: str | None = None
    """Address of the hooks, such as https://app.example.com/desk, without a slash at its end."""
    audio: str | None = None
    """Address of the listen endpoint, such as wss://audio.example.com."""

    def below(self, path: str) -> "Addresses":
        """Return the same, with the hooks below a path."""
        return replace(self, web=f"{self.web or ''}{path}" or None)


NOWHERE: Final = Addresses()


class Part(BaseModel):
    """Something inside an application: a verb, a target, a webhook."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",  # so that JSON refuses them, and does not lose them
    )

    def write(self, addresses: Addresses = NOWHERE) -> dict[str, Any]:
        """Return what goes to jambonz: JSON values, only what was set, addresses made whole."""
        return self.model_dump(
            mode="json", exclude_unset=True, exclude_none=True, context=addresses
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__


class Webhook(Part):
    """A hook that needs more than its address."""

    url: Annotated[str, Field(min_length=1)]
    """Absolute, or a path below the application's own address."""
    method: Literal["GET", "POST"] = "POST"
    """How it is asked."""
    username: str | None = None
    """User for HTTP Basic."""
    password: str | None = None
    """Password for HTTP Basic."""


def _number(low: float, *, whole: bool = False) -> Callable[[object], int | float]:
    kind = "a whole number" if whole else "a number"

    def check(value: object) -> int | float:
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not right or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"it must be {kind}")
        if value < low:
            raise ValueError(f"it must be {low:g} or more")
        return value

    return check


_ADDRESS: Final = r"^(/|(https?|wss?)://[^/])"
"""What a verb has for an address: a whole one, or a path."""


def _hook(value: object) -> "Webhook | str":
    if isinstance(value, dict):
        try:
            value = Webhook.model_validate(value)
        except ValidationError as error:
            raise Refused.told(error, "the webhook", value, Webhook) from None
    url = value.url if isinstance(value, Webhook) else value
    if not isinstance(url, str) or not re.match(_ADDRESS, url):
        raise ValueError("a webhook is an http address, a path that begins with /, or an object")
    if isinstance(value, Webhook):
        return value
    return url


def _plain_hook(value: object) -> str:
    hook = _hook(value)
    if isinstance(hook, Webhook):
        raise ValueError("jambonz takes an address here, and no object")  # noqa: TRY004 - pydantic's
    return hook


def _audio(value: object) -> str:
    if not isinstance(value, str) or not re.match(_ADDRESS, value):
        raise ValueError("it must be a wss:// address, or a path that begins with /")
    return value


def _placed_hook(value: Any, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    written = write(value)
    addresses = info.context or NOWHERE
    if isinstance(written, dict):
        return {**written, "url": _absolute(written["url"], addresses.web)}
    return _absolute(written, addresses.web)


def _placed_audio(value: str, info: SerializationInfo) -> str:
    return _absolute(value, (info.context or NOWHERE).audio)


def _absolute(url: str, base: str | None) -> str:
    return f"{base.rstrip('/')}{url}" if base and url.startswith("/") else url


def path_of(url: str) -> str:
    """Return the path of a hook, whether it is absolute or not."""
    return urlsplit(url).path or "/"


def one_of_two(given: object, old: str, new: str) -> object:
    """Read a property under the other name that it has; the proper one decides."""
    if not isinstance(given, dict) or old not in given:
        return given
    rest = {name: value for name, value in given.items() if name != old}
    return rest if new in rest else {**rest, new: given[old]}


def without(given: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return a copy that lacks some keys."""
    return {name: value for name, value in given.items() if name not in set(names)}


JsonObject: TypeAlias = dict[str, Any]
Headers: TypeAlias = dict[str, Any]  # jambonz takes any value; SIP has texts and numbers
Flag: TypeAlias = Annotated[bool, Strict()]
Seconds: TypeAlias = Annotated[
    int | float, PlainValidator(_number(0), json_schema_input_type=Annotated[float, Field(ge=0)])
]
Number: TypeAlias = Annotated[
    int | float, PlainValidator(_number(-math.inf), json_schema_input_type=float)
]
Count: TypeAlias = Annotated[
    int,
    PlainValidator(_number(1, whole=True), json_schema_input_type=Annotated[int, Field(ge=1)]),
]
Whole: TypeAlias = Annotated[
    int,
    PlainValidator(_number(0, whole=True), json_schema_input_type=Annotated[int, Field(ge=0)]),
]
_Address: TypeAlias = Annotated[str, Field(pattern=_ADDRESS)]
Hook: TypeAlias = Annotated[
    Webhook | str,
    PlainValidator(_hook, json_schema_input_type=Webhook | _Address),
    WrapSerializer(_placed_hook),
]
PlainHook: TypeAlias = Annotated[
    str,
    PlainValidator(_plain_hook, json_schema_input_type=_Address),
    WrapSerializer(_placed_hook),
]
"""A hook that jambonz takes as an address only."""
AudioUrl: TypeAlias = Annotated[
    str,
    PlainValidator(_audio, json_schema_input_type=_Address),
    WrapSerializer(lambda value, _write, info: _placed_audio(value, info)),
]

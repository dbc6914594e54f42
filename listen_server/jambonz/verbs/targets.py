"""Whom dial calls: phone, sip and user, and those that are passed on as they are."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic import Tag as Case
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from listen_server.jambonz.model import Headers, Hook, JsonObject, Part, one_of_two
from listen_server.jambonz.verbs.aids import CallFrom
from listen_server.jambonz.verbs.streams import Credentials

_CHECKED: Final = ("phone", "sip", "user")


def _with_type(schema: dict[str, Any]) -> None:
    """Require the type in JSON, where nothing else tells which kind it is."""
    schema["required"] = ["type", *schema.get("required", [])]


class _Target(Part):
    """Somebody to dial."""

    model_config = ConfigDict(json_schema_extra=_with_type)

    confirm_hook: Hook | None = None
    """Asked what is run on the other end before the two are connected."""
    headers: Headers | None = None
    """SIP headers for this attempt."""
    method: Literal["GET", "POST"] | None = None
    """How the hook is asked."""
    from_: CallFrom | None = Field(
        default=None, validation_alias="from", serialization_alias="from"
    )
    """User and host to call from."""
    proxy: str | None = None
    """SIP proxy to go through."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """Write the type always; read `url`, as the reference's text calls the hook of a target."""
        if isinstance(given, dict):
            given = {"type": cls.model_fields["type"].default, **given}
        return one_of_two(given, "url", "confirmHook")


class Phone(_Target):
    """A telephone number."""

    type: Literal["phone"] = "phone"
    """Which kind it is."""
    number: Annotated[str, Field(min_length=1)]
    """The number in E.164."""
    trunk: str | None = None
    """Carrier to go through."""


class Sip(_Target):
    """A SIP endpoint."""

    type: Literal["sip"] = "sip"
    """Which kind it is."""
    sip_uri: Annotated[str, Field(min_length=1)]
    """Its address."""
    auth: Credentials | None = None
    """What its trunk asks for. `user`, as the reference has it, is read as `username`."""


class User(_Target):
    """A registered user."""

    type: Literal["user"] = "user"
    """Which kind it is."""
    name: Annotated[str, Field(min_length=1)]
    """The user with the domain."""
    override_to: str | None = None
    """What the called party is shown as."""


class OtherTarget(Part):
    """A target that the reference names and gives no table for, or hides: passed on as it is."""

    given: JsonObject
    """The whole object."""

    @property
    def type(self) -> str:
        """Which kind it is."""
        return str(self.given["type"])

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "given" in given:
            return given
        if not isinstance(kind := given.get("type"), str) or not kind:
            raise ValueError("a target has a `type`: phone, sip or user")
        return {"given": given}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the object itself, which is what is read and written."""
        del core_schema, handler
        return {
            "type": "object",
            "description": "A target that is passed on unchecked.",
            "required": ["type"],
            "properties": {
                "type": {"type": "string", "minLength": 1, "not": {"enum": list(_CHECKED)}}
            },
        }

    @model_serializer
    def _write(self) -> JsonObject:
        return self.given


def _kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) and kind in _CHECKED else "other"


Target: TypeAlias = Annotated[
    Annotated[Phone, Case("phone")]
    | Annotated[Sip, Case("sip")]
    | Annotated[User, Case("user")]
    | Annotated[OtherTarget, Case("other")],
    Discriminator(_kind),
]

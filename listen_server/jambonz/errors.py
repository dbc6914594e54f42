"""What jambonz would not take, said in a sentence; verbs/, hooks.py and commands.py raise it.

No sentence holds a value: verbs and hooks carry numbers, texts and secrets of people.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from listen_server.errors import ListenServerError
from listen_server.faults import meant

_SAYS: Final = {
    "missing": "it is required",
    "string_type": "it must be a text",
    "bool_type": "it must be true or false",
    "list_type": "it must be a list",
    "dict_type": "it must be an object",
    "model_type": "it must be an object",
    "model_attributes_type": "it must be an object",
    "int_type": "it must be a whole number",
    "too_short": "it must not be empty",
    "string_too_short": "it must not be empty",
}


class Refused(ListenServerError, ValueError):  # noqa: N818 - the name says what happens to it
    """Something that jambonz would refuse, ignore or misread. `faults` are its sentences."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults

    @classmethod
    def told(
        cls, error: ValidationError, where: str, given: object, model: type[BaseModel] | None = None
    ) -> "Refused":
        """Return the faults of `where`, one sentence for each place in what was `given`.

        `model` is what it was read as: its properties, and those of its parts, may be meant.
        """
        by_place: dict[str, list[str]] = {}
        for detail in error.errors(include_url=False, include_input=False):
            place = ".".join(_path(detail, given))
            says = by_place.setdefault(place, [])
            if (sentence := _says(detail, model)) not in says:
                says.append(sentence)
        return cls(*(_sentence(where, place, says) for place, says in by_place.items()))


def _sentence(where: str, place: str, says: Sequence[str]) -> str:
    name = f"`{place}` of {where}" if place else where
    return f"{name}: {', or '.join(says)}"


def _says(detail: ErrorDetails, model: type[BaseModel] | None) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        *way, name = detail["loc"]
        hint = meant(str(name), _known(model, way) if model else ())
        return f"jambonz knows no such property{': ' + hint if hint else ''}"
    if kind == "literal_error":
        return f"it must be {detail['ctx']['expected']}"
    if kind == "too_long":
        return f"it has at most {detail['ctx']['max_length']} items"
    return _SAYS.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input", "it", 1)


def _known(model: type[BaseModel], way: Iterable[str | int]) -> list[str]:
    """Return the properties of the part, or the kinds of parts, that a way leads to."""
    models = {model}
    for part in way:
        inside = (
            field.annotation
            for one in models
            for name, field in one.model_fields.items()
            if part in (name, field.alias)
        )
        models = {found for annotation in inside for found in _models(annotation)} or models
    return sorted({field.alias or n for one in models for n, field in one.model_fields.items()})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type such as `list[Phone | Sip] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inside in get_args(annotation):
        yield from _models(inside)


def _path(detail: ErrorDetails, given: object) -> Iterator[str]:
    """Yield the keys on the way to a fault; pydantic names the types that it tried among them."""
    here: Any = given
    for number, part in enumerate(detail["loc"]):
        if (key := _key(here, part)) is not None:
            here = here[key]
            yield str(key)
        elif detail["type"] == "missing" and number == len(detail["loc"]) - 1:
            yield str(part)


def _key(container: object, part: str | int) -> str | int | None:
    """Return the key that a part of a place is in what was given, under any of its names."""
    if isinstance(container, Mapping):
        names = (part, to_camel(part), part.removesuffix("_")) if isinstance(part, str) else (part,)
        return next((name for name in names if name in container), None)
    inside = isinstance(container, Sequence) and isinstance(part, int) and part < len(container)
    return part if inside else None

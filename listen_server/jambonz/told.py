"""What jambonz tells, whatever it is: names in camelCase or snake_case, and nothing lost.

hooks.py has the models. Servers before April 2021 write camelCase, newer ones snake_case.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)
from pydantic.alias_generators import to_camel

Dialect: TypeAlias = Literal["as read", "camel", "snake"]
_LONGEST: Final = 64  # names of ours are shorter


class Told(BaseModel):
    """Anything that jambonz writes: every field is kept, under the name that it came with."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        coerce_numbers_to_str=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )
    synonyms: ClassVar[Mapping[str, str]] = {}

    _keys: dict[str, str] = PrivateAttr(default_factory=dict)

    def write(self, dialect: Dialect = "as read") -> dict[str, Any]:
        """Return JSON values, with the names that were read or those of a kind of server."""
        given = self.model_dump(mode="json", exclude_unset=True)
        return {self._key(name, dialect): given[name] for name in self._keys or given}

    def _key(self, name: str, dialect: Dialect) -> str:
        plain = name.removesuffix("_")
        if dialect == "as read":
            return self._keys.get(name, plain)
        if name not in type(self).model_fields or name in _UNTOUCHED:
            return self._keys.get(name, to_camel(plain))
        return plain if dialect == "snake" else to_camel(plain)

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, Mapping):
            return read(given)
        keys: dict[str, str] = {}
        for key in map(str, given):
            name = _field(cls, key)
            if name in keys and key != name:  # told twice: the field's own name decides
                name = key
            elif name in keys:
                keys[keys[name]] = keys[name]
            keys[name] = key
        hook = read({name: given[key] for name, key in keys.items()})
        hook._keys = keys  # noqa: SLF001 - its own
        return hook

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__


_UNTOUCHED: Final = frozenset({"customer_data", "sip", "env_vars", "args"})


@lru_cache(1024)
def snake_case(key: str) -> str:
    """Return a name as newer servers have it; a very long one as it is."""
    if len(key) > _LONGEST:
        return key
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def _field(model: type[Told], key: str) -> str:
    """Return the field that a key is for, or the key itself."""
    name = snake_case(key)
    name = model.synonyms.get(name, name)
    fields = model.model_fields
    if f"{name}_" in fields:  # `from` is a word of Python's
        return f"{name}_"
    return name if name in fields else key

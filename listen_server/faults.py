"""A setting's fault as a sentence: what is wrong with it, how, and where it stands.

settings.py tells the server's faults with it, plugins.py those of sinks.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pydantic_core import ErrorDetails

Place: TypeAlias = Callable[[Sequence[str]], str]  # says where a setting stands, by its path

_WHOLE: Final = "a whole number is asked for"
_NUMBER: Final = "a number is asked for"
_BOOLEAN: Final = "true or false is asked for"
_TABLE: Final = "a table is asked for"
_LIST: Final = "a list is asked for"
SAYS: Final[Mapping[str, str]] = {  # for pydantic's kinds of errors, with their context
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _BOOLEAN),
    **dict.fromkeys(("mapping_type", "dict_type", "model_type", "model_attributes_type"), _TABLE),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("literal_error", "enum"), "{expected} is asked for"),
    **dict.fromkeys(("string_type", "path_type"), "a text is asked for"),
    "string_too_short": "a text of {min_length} characters or more is asked for",
    "string_too_long": "a text of {max_length} characters or less is asked for",
    "string_pattern_mismatch": "a text that matches {pattern} is asked for",
    "too_short": "{min_length} or more are asked for",
    "too_long": "{max_length} or less are asked for",
    "finite_number": "a finite number is asked for",
    "greater_than": "more than {gt} is asked for",
    "greater_than_equal": "{ge} or more is asked for",
    "less_than": "less than {lt} is asked for",
    "less_than_equal": "{le} or less is asked for",
}


def nowhere(_path: Sequence[str]) -> str:
    """Say of no setting where it stands."""
    return ""


def told(
    detail: ErrorDetails,
    *,
    known: Iterable[str],
    place: Place = nowhere,
    under: Sequence[str] = (),
) -> str:
    """Return the sentence for one error of pydantic's.

    `known` are the settings that there are in its place, and `place` says where it stands. The
    value is shown but for settings `under` others: those are a plugin's, and may be secret.
    """
    path = [*under, *(str(part) for part in detail["loc"] if not _is_inner(part))]
    name = ".".join(map(_quoted, path))
    stands = f" (it stands {where})" if (where := place(path)) else ""
    if detail["type"] == "extra_forbidden":
        return f"`{name}` is not a setting: {meant(path[-1], known) or 'remove it'}{stands}"
    if detail["type"] == "missing":
        return f"`{name}` is missing"
    if under:
        return f"`{name}`: {asked(detail)}{stands}"
    return f"`{name}` is {_shown(detail['input'])}, but {asked(detail)}{stands}"


def asked(detail: ErrorDetails) -> str:
    """Say what would be right: "a whole number is asked for"."""
    context: dict[str, Any] = detail.get("ctx", {})
    if says := SAYS.get(detail["type"]):
        return says.format_map({key: _short(value) for key, value in context.items()})
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def meant(
    name: str, known: Iterable[str], *, alike: float = 0.6, prefix: str = "", quote: str = "`"
) -> str:
    """Ask whether a known name was meant; empty if none is alike."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=alike)
    return f"did you mean {quote}{prefix}{close[0]}{quote}?" if close else ""


def _short(value: Any) -> Any:
    return f"{value:.15g}" if isinstance(value, float) else value


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    if value == "":
        return "empty"
    return re.sub(r"//[^/@]*@", "//...@", repr(value))[:60]


def _is_inner(part: object) -> bool:
    """Tell the steps of a validation from the parts of a name."""
    return str(part).startswith("function-")


def _quoted(part: str) -> str:
    """Spell a part of a name as TOML would."""
    return part if re.fullmatch(r"[\w-]+", part, re.ASCII) else f'"{part}"'

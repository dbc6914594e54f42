"""A setting's fault as a sentence: what is wrong with it, how, and where it can be put right.

settings.py tells the server's faults with it, plugins.py those of sinks.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

from pydantic_core import ErrorDetails


def told(detail: ErrorDetails, *, known: Iterable[str], where: str, under: str = "") -> str:
    """Return the sentence for one error of pydantic's.

    `known` are the settings that there are in its place, and `where` is how to set it. The
    value is shown but for settings `under` others: those are a plugin's, and may be secret.
    """
    path = [str(part) for part in detail["loc"] if not str(part).startswith("function-")]
    name = under + ".".join(map(_quoted, path))
    if detail["type"] == "extra_forbidden":
        return f"`{name}` is not a setting: {meant(path[-1], known) or f'remove it ({where})'}"
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub("valid dictionary.*", "table", message).replace("valid tuple", "list")
    message = message[:1].lower() + message[1:]
    given = detail["input"]
    if under or detail["type"] == "missing":
        return f"`{name}`: {message} (set it by {where})"
    value = "a table" if isinstance(given, Mapping) else repr(given)[:60]
    return f"`{name}` is {value}, but: {message} (set it by {where})"


def meant(
    name: str, known: Iterable[str], *, alike: float = 0.6, prefix: str = "", quote: str = "`"
) -> str:
    """Ask whether a known name was meant; empty if none is alike."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=alike)
    return f"did you mean {quote}{prefix}{close[0]}{quote}?" if close else ""


def _quoted(part: str) -> str:
    """Spell a part of a name as TOML would."""
    return part if re.fullmatch(r"[\w-]+", part, re.ASCII) else f'"{part}"'

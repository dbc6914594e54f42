"""Which configured route a path belongs to. endpoint.py asks; nothing here does IO."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")
_PORT_TAIL = re.compile(r":\d{1,5}$")
_PARAMETER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """A path that belongs to a route."""

    pattern: str
    params: Mapping[str, str]
    target: Target


class RouteTable(Generic[Target]):
    """Routes by prefix, the longest first, with any tail.

    A `{name}` in a pattern stands for one segment. jambonz's url parser leaves the `:4433` of
    `wss://host/calls/1:4433` at the end of the path, so it is cut off before matching.
    """

    def __init__(self, routes: Mapping[str, Target]) -> None:
        longest_first = sorted(routes.items(), key=lambda item: (-item[0].count("/"), item[0]))
        self._routes = [(pattern, _compile(pattern), target) for pattern, target in longest_first]

    def match(self, path: str) -> Match[Target] | None:
        """Return the route of a decoded path, or None."""
        path = _PORT_TAIL.sub("", path)
        for pattern, expression, target in self._routes:
            if found := expression.match(path):
                params = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(pattern, params, target)
        return None


def faults_of(patterns: Iterable[str]) -> list[str]:
    """Return a sentence for each pattern that cannot be a route."""
    return [
        f"route {pattern!r} must begin with / and have no empty segment, such as /listen or "
        "/record/{vendor}"
        for pattern in patterns
        if not re.fullmatch(r"(/([\w.~-]+|\{[a-z_][a-z0-9_]*\}))+", pattern, re.ASCII)
    ]


def _compile(pattern: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(pattern)  # text, name, text, name ...
    source = "".join(
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    return re.compile(source + r"(?:/|$)")

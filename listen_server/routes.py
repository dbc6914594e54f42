"""Which configured route a path belongs to. endpoint.py asks; nothing here does IO."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Target = TypeVar("Target")
_PORT_TAIL = re.compile(r":\d{1,5}$")
_PATTERN = re.compile(r"(/([\w.~-]+|\{[a-z_][a-z0-9_]*\}))+", re.ASCII)
_PARAMETER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """A path that belongs to a route."""

    pattern: str
    params: Mapping[str, str]
    target: Target


class RouteTable(Generic[Target]):
    """Routes by prefix, the longest and plainest first, with any tail.

    A `{name}` in a pattern stands for one segment. jambonz's url parser leaves the `:4433` of
    `wss://host/calls/1:4433` at the end of the path, so it is cut off before matching.
    """

    def __init__(self, routes: Mapping[str, Target]) -> None:
        patterns = sorted(routes, key=lambda pattern: (-pattern.count("/"), pattern.count("{")))
        self._routes = [(pattern, _compile(pattern), routes[pattern]) for pattern in patterns]

    def match(self, path: str) -> Match[Target] | None:
        """Return the route of a path, or None. The path is decoded, as ASGI has it."""
        path = _PORT_TAIL.sub("", path)
        for pattern, expression, target in self._routes:
            if found := expression.match(path):
                return Match(pattern, found.groupdict(), target)
        return None


def faults_of(patterns: Iterable[str]) -> list[str]:
    """Return a sentence for each pattern that cannot be a route."""
    return [
        f"route {pattern!r} must begin with / and have no empty segment and no {{name}} twice, "
        "such as /listen or /record/{vendor}"
        for pattern in patterns
        if not _PATTERN.fullmatch(pattern) or _has_twins(_PARAMETER.findall(pattern))
    ]


def _has_twins(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _compile(pattern: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(pattern)  # text, name, text, name ...
    source = "".join(
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    return re.compile(source + r"(?:/|$)")

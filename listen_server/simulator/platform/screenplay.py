"""The dialogue of a simulated call, line by line; session.py and its verbs write it."""

import textwrap
from collections.abc import Callable
from typing import Final, NamedTuple

_WORDS: Final = 18  # where they begin in a line


class Line(NamedTuple):
    """Something that happened."""

    at: float
    """Seconds since the call began."""
    who: str
    """CALLER, JAMBONZ, APP, or another party."""
    what: str
    """In words."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.at, 1), 60)
        return f"{minutes:02.0f}:{seconds:04.1f}  {self.who:<8} {self.what}"

    def folded(self, width: int | None) -> str:
        """Return it in lines of at most `width` characters, each going on below the words.

        A word that is longer, as an address may be, stays whole.
        """
        if width is None:
            return str(self)
        return textwrap.fill(
            str(self),
            width,
            subsequent_indent=" " * _WORDS,
            break_long_words=False,
            break_on_hyphens=False,
        )


class Screenplay:
    """All lines so far. `shown` gets each as it comes."""

    def __init__(self, shown: Callable[[Line], None] | None = None) -> None:
        self.lines: list[Line] = []
        self._shown = shown

    def write(self, at: float, who: str, what: str) -> None:
        """Add a line."""
        line = Line(at, who, what)
        self.lines.append(line)
        if self._shown is not None:
            self._shown(line)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))

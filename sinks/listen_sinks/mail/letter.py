"""What a mail says of a message, as text and as HTML. Pure: envelope.py makes a mail of it.

Callers choose what they are called and what they say: nothing of it reaches a header unread, and
in the HTML all of it is text.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from listen_sinks.mail.config import read_address

LONGEST: Final = 20_000
"""Characters of a transcript that a mail has; the rest is left to the message."""
_LONGEST_CALLER: Final = 64
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ().-]{1,31}")
_JOINERS: Final = "\u200c\u200d"  # several scripts are misspelt without; they command nothing
_STYLE: Final = (
    "font-family:sans-serif;line-height:1.5;max-width:40rem;"
    "overflow-wrap:anywhere;word-break:break-word"  # of which mail programs know one
)
_QUOTE: Final = "border-left:3px solid #767676;margin:1em 0;padding:0 1em"

_HTML: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body style="{style}">
{content}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail is made of. Moments are in the time zone in which they are shown."""

    id: str  # of the event, and so the same each time
    sender: str
    to: tuple[str, ...] = field(repr=False)
    written_at: datetime
    began_at: datetime
    seconds: float
    broken_off: bool = False  # less was kept than was said
    mailbox: str | None = field(default=None, repr=False)  # its name
    caller: str | None = field(default=None, repr=False)
    words: str | None = field(default=None, repr=False)  # None: nothing was understood
    all_words: bool = True
    words_may_come: bool = True  # later than this
    link: str | None = field(default=None, repr=False)
    link_until: datetime | None = None
    audio: bool = False  # it is attached

    @property
    def message_id(self) -> str:
        """What the mail is known by, however often it is sent (RFC 5322, 3.6.4)."""
        return f"<{self.id}@{read_address(self.sender).domain}>"


def presentable(text: object, longest: int = _LONGEST_CALLER) -> str:
    """Return what somebody else wrote, without what would command a terminal or a header."""
    kept = "".join(
        one if one.isprintable() or one in _JOINERS else " " for one in str(text)[: longest + 1]
    )
    return f"{kept[:longest].strip()}…" if len(kept) > longest else kept.strip()


def subject(letter: Letter) -> str:
    """Return a line that a caller cannot make say anything but their number."""
    caller = presentable(letter.caller or "")
    whose = f" from {caller}" if _NUMBER.fullmatch(caller) else ""  # a name may say anything
    return f"Voicemail{whose} ({_length(letter.seconds)})"


def _sentences(letter: Letter, name: Callable[[str], str]) -> str:
    """Return what is said before the words, with names as they are written there."""
    whose = f" from {name(letter.caller)}" if letter.caller else ""
    where = f" for {name(letter.mailbox)}" if letter.mailbox else ""
    length = _length(letter.seconds)
    said = [f"A message of {length}{whose}{where}, at {_moment(letter.began_at)}."]
    if letter.broken_off:
        said.append("The call broke off: it may end in the middle.")
    return " ".join(said)


def _note(letter: Letter) -> str:
    """Return what is to be said about the words; nothing where nobody expects any."""
    if letter.words is None:
        return "There is no transcript yet." if letter.words_may_come else ""
    if not letter.words:
        return "A machine listened, and understood no word."
    return "A machine wrote this down" + ("." if letter.all_words else ", and not all of it.")


def _words(letter: Letter) -> str:
    lines = [presentable(line, LONGEST) for line in (letter.words or "").splitlines()]
    text = "\n".join(lines)
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text


def plain_body(letter: Letter) -> str:
    """Say it as text."""
    parts = [_sentences(letter, presentable)]
    if words := _words(letter):
        parts.append("\n".join(f"  {line}" for line in words.splitlines()))
    parts += [note] if (note := _note(letter)) else []
    if letter.link:
        parts.append(f"Listen{_until(letter)}:\n{letter.link}")
    if letter.audio:
        parts.append("The message is attached.")
    return "\n\n".join(parts) + "\n"


def html_body(letter: Letter) -> str:
    """Say the same as HTML that loads nothing, with styles that mail programs leave in."""
    parts = [f"<p>{_sentences(letter, _name_in_html)}</p>"]
    if words := _words(letter):
        lines = "".join(
            f'<div dir="auto">{html.escape(line) or "<br>"}</div>\n' for line in words.splitlines()
        )
        parts.append(f'<blockquote lang="" style="{_QUOTE}">\n{lines}</blockquote>')
    if note := _note(letter):
        parts.append(f"<p><small>{html.escape(note)}</small></p>")
    if letter.link:
        link, until = html.escape(letter.link), html.escape(_until(letter))
        parts.append(f'<p><a href="{link}">Listen to it</a>{until}</p>')
    if letter.audio:
        parts.append("<p>The message is attached.</p>")
    return _HTML.format(title=html.escape(subject(letter)), style=_STYLE, content="\n".join(parts))


def _name_in_html(text: str) -> str:
    return f"<bdi>{html.escape(presentable(text))}</bdi>"  # whatever way it is written


def _until(letter: Letter) -> str:
    return f" (until {_moment(letter.link_until)})" if letter.link_until else ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"

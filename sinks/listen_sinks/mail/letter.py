"""What a mail says of a message, as text and as HTML. Pure: mailer.py knows, smtp.py sends.

Callers choose what they are called and what they say: nothing of it reaches a header unread, and
in the HTML all of it is text.
"""

import base64
import html
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from listen_sinks.mail.config import read_address

LONGEST: Final = 20_000
"""Characters of a transcript that a mail has; the rest is left to the message."""
_LONGEST_CALLER: Final = 64
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ().-]{1,31}")
_LINE: Final = 57  # bytes that a line of base64 has: RFC 2045, 6.8
_STYLE: Final = "font-family:sans-serif;line-height:1.5"
_QUOTE: Final = "border-left:3px solid #999;margin:1em 0;padding:0 1em;white-space:pre-line"


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


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail in bytes, lines ended by CRLF; the base64 of its audio goes between head and tail."""

    head: bytes = field(repr=False)
    tail: bytes = field(default=b"", repr=False)


def compose(letter: Letter) -> Envelope:
    """Write a letter. Takes milliseconds: not for the event loop. Raises ValueError."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = read_address(letter.sender)
    mail["To"] = [read_address(one) for one in letter.to]
    mail["Subject"] = _subject(letter)
    mail["Date"] = letter.written_at
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is told to us
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_text(letter), cte="quoted-printable")
    mail.add_alternative(_html(letter), subtype="html", cte="quoted-printable")
    if not letter.audio:
        return Envelope(mail.as_bytes())
    mark = os.urandom(30)  # one line of base64, found nowhere else
    name = f"voicemail-{letter.began_at:%Y-%m-%d-%H%M}.wav"
    mail.add_attachment(mark, maintype="audio", subtype="wav", filename=name)
    head, tail = mail.as_bytes().split(base64.b64encode(mark) + b"\r\n")
    return Envelope(head, tail)


def in_base64(audio: bytes) -> bytes:
    """Return lines of base64; of several pieces all but the last need a multiple of 57 bytes."""
    return base64.encodebytes(audio).replace(b"\n", b"\r\n")


def base64_size(audio: int) -> int:
    """Return how many bytes `in_base64` makes of so many."""
    return 4 * -(-audio // 3) + 2 * -(-audio // _LINE)


def whole_lines(size: int) -> int:
    """Return the next smaller size of a piece that `in_base64` can be given."""
    return max(size // _LINE, 1) * _LINE


def presentable(text: object, longest: int = _LONGEST_CALLER) -> str:
    """Return what somebody else wrote, without what would command a terminal or a header."""
    kept = "".join(one if one.isprintable() else " " for one in str(text)[: longest + 1])
    return f"{kept[:longest].strip()}…" if len(kept) > longest else kept.strip()


def _subject(letter: Letter) -> str:
    caller = presentable(letter.caller or "")
    whose = f" from {caller}" if _NUMBER.fullmatch(caller) else ""  # a name may say anything
    return f"Voicemail{whose} ({_length(letter.seconds)})"


def _sentences(letter: Letter) -> list[str]:
    """Return what is said before the words."""
    whose = f" from {presentable(letter.caller)}" if letter.caller else ""
    where = f" for {presentable(letter.mailbox)}" if letter.mailbox else ""
    length = _length(letter.seconds)
    said = [f"A message of {length}{whose}{where}, at {_moment(letter.began_at)}."]
    if letter.broken_off:
        said.append("The call broke off: it may end in the middle.")
    return said


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


def _text(letter: Letter) -> str:
    parts = [" ".join(_sentences(letter))]
    if words := _words(letter):
        parts.append("\n".join(f"  {line}" for line in words.splitlines()))
    parts += [note] if (note := _note(letter)) else []
    if letter.link:
        parts.append(f"Listen{_until(letter)}:\n{letter.link}")
    if letter.audio:
        parts.append("The message is attached.")
    return "\n\n".join(parts) + "\n"


def _html(letter: Letter) -> str:
    parts = [f"<p>{html.escape(' '.join(_sentences(letter)))}</p>"]
    if words := _words(letter):
        parts.append(f'<blockquote style="{_QUOTE}">{html.escape(words)}</blockquote>')
    if note := _note(letter):
        parts.append(f"<p><small>{html.escape(note)}</small></p>")
    if letter.link:
        link, until = html.escape(letter.link), html.escape(_until(letter))
        parts.append(f'<p><a href="{link}">Listen to it</a>{until}</p>')
    if letter.audio:
        parts.append("<p>The message is attached.</p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"></head>\n'
        f'<body style="{_STYLE}">\n{body}\n</body></html>\n'
    )


def _until(letter: Letter) -> str:
    return f" (until {_moment(letter.link_until)})" if letter.link_until else ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"

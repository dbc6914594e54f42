"""A letter as the bytes of a mail, around the audio that goes with it. smtp.py sends them."""

import base64
import os
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from listen_sinks.mail.config import read_address
from listen_sinks.mail.letter import Letter, html_body, plain_body, subject

_LINE: Final = 57  # bytes that a line of base64 has: RFC 2045, 6.8


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
    mail["Subject"] = subject(letter)
    mail["Date"] = letter.written_at
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is told to us
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(plain_body(letter), cte="quoted-printable")
    mail.add_alternative(html_body(letter), subtype="html", cte="quoted-printable")
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

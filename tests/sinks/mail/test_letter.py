import base64
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_sinks.mail.envelope import base64_size, compose, in_base64, whole_lines
from listen_sinks.mail.letter import LONGEST, Letter

AT = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
PLAIN = Letter("01KB", "v@example.com", ("ann@example.com",), AT, AT, 62.4)


def read(letter: Letter) -> EmailMessage:
    found = message_from_bytes(compose(letter).head, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def bodies(letter: Letter) -> list[str]:
    parts = [read(letter).get_body((kind,)) for kind in ("plain", "html")]
    return [str(part.get_content()) for part in parts if part is not None]


@settings(max_examples=15)
@given(words=st.text(max_size=300), caller=st.text(max_size=100), name=st.text(max_size=100))
def test_whatever_callers_say_there_are_our_headers_and_two_bodies(
    words: str, caller: str, name: str
) -> None:
    letter = replace(PLAIN, words=words, caller=caller, mailbox=name)

    mail = read(letter)

    assert mail.defects == []
    assert set(mail.keys()) == set(read(PLAIN).keys())
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "<script" not in bodies(letter)[1].lower()


@given(audio=st.binary(max_size=1000), piece=st.integers(1, 400))
def test_audio_in_pieces_is_the_same_base64_and_as_long_as_was_said(
    audio: bytes, piece: int
) -> None:
    step = whole_lines(piece)

    lines = b"".join(in_base64(audio[at : at + step]) for at in range(0, len(audio), step))

    assert base64.b64decode(lines) == audio
    assert len(lines) == base64_size(len(audio))
    assert all(len(line) <= 76 for line in lines.split(b"\r\n"))


def test_audio_fits_between_head_and_tail() -> None:
    envelope = compose(replace(PLAIN, audio=True))

    whole = envelope.head + in_base64(b"RIFF" * 100) + envelope.tail
    mail = message_from_bytes(whole, policy=default)

    assert isinstance(mail, EmailMessage)
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == b"RIFF" * 100
    assert attached.get_filename() == "voicemail-2026-11-20-1403.wav"


def test_no_line_is_too_long_for_smtp() -> None:
    letter = replace(PLAIN, words="word " * 5000, mailbox="\N{SNOWMAN}" * 100, caller="+1")

    assert max(map(len, compose(letter).head.split(b"\r\n"))) <= 998
    assert b"\n" not in compose(letter).head.replace(b"\r\n", b"")


def test_a_very_long_transcript_is_cut() -> None:
    text, html = bodies(replace(PLAIN, words="word " * LONGEST))

    assert len(text) < LONGEST + 1000
    assert "…" in text
    assert "…" in html


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"words": None}, "There is no transcript yet."),
        ({"words": ""}, "A machine listened, and understood no word."),
        ({"words": "hello"}, "A machine wrote this down."),
        ({"words": "hello", "all_words": False}, "A machine wrote this down, and not all of it."),
    ],
)
def test_how_far_the_words_can_be_trusted_is_said(changes: dict[str, Any], note: str) -> None:
    assert all(note in body for body in bodies(replace(PLAIN, **changes)))


def test_where_no_words_are_expected_nothing_is_said_of_them() -> None:
    assert "transcript" not in "".join(bodies(replace(PLAIN, words_may_come=False)))


def test_a_message_that_broke_off_says_so() -> None:
    assert "The call broke off" in bodies(replace(PLAIN, broken_off=True))[0]
    assert "1:02" in str(read(PLAIN)["Subject"])


def test_words_keep_the_joiners_that_their_script_is_spelt_with() -> None:
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"

    assert all(persian in body for body in bodies(replace(PLAIN, words=f"{persian}\u202e!")))
    assert all("\u202e" not in body for body in bodies(replace(PLAIN, words=f"{persian}\u202e!")))

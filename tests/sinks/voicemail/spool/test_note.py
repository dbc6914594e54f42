import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spooled import MAILBOX, STEREO

from listen_sinks.voicemail.spool.note import (
    BadNote,
    End,
    Note,
    decode_end,
    decode_note,
    decode_values,
    encode_values,
)

VALUES = st.dictionaries(st.sampled_from(["meta", "peaks", "transcript"]), st.binary(max_size=99))
NOTE = Note(
    message="01K00000000000000000000001",
    part=2,
    mailbox=MAILBOX,
    key_version=3,
    kem="x25519",
    envelope=b"\x00\xff" * 40,
    format=STEREO,
    started_at=datetime(2026, 1, 31, 12, 30, 0, 1, tzinfo=UTC),
    caller="ab" * 32,
    least_seconds=1.5,
    values={"meta": b"sealed"},
    ticket="01K00000000000000000000002",
    kind="greeting",
)
_LATER = {"ticket", "kind"}  # than the first version
END = End("failed", "the disk was full", datetime(2026, 1, 31, 13, tzinfo=UTC), 8000, None)


def test_a_note_says_what_was_written() -> None:
    assert decode_note(NOTE.encode()) == NOTE


@given(values=VALUES)
def test_sealed_values_come_back_as_they_are(values: dict[str, bytes]) -> None:
    assert decode_values(encode_values(values)) == values


def test_an_end_says_what_was_written() -> None:
    assert decode_end(END.encode()) == END


@pytest.mark.parametrize("decode", [decode_note, decode_end, decode_values])
@given(
    data=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_lies_in_a_file_is_read_or_refused(decode: object, data: bytes) -> None:
    with pytest.raises(BadNote):
        decode(data)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", 2),
        ("message", "../../etc/passwd"),
        ("message", 7),
        ("part", -1),
        ("part", True),
        ("mailbox", "01k"),
        ("key_version", 0),
        ("kem", None),
        ("envelope", "not base64!"),
        ("sample_rate", 44100),
        ("sample_rate", None),
        ("mix", "quadro"),
        ("started_at", "yesterday"),
        ("caller", 5),
        ("least_seconds", "long"),
        ("unwanted", []),
        ("values", [1]),
        ("values", {"meta": 1}),
        ("ticket", "../x"),
        ("ticket", 7),
        ("kind", "secret"),
        ("kind", ["message"]),
    ],
)
def test_a_note_with_a_wrong_value_is_damaged(key: str, value: object) -> None:
    changed = json.loads(NOTE.encode()) | {key: value}

    with pytest.raises(BadNote):
        decode_note(json.dumps(changed).encode())


def test_a_note_without_one_of_its_values_is_damaged() -> None:
    for key in sorted(set(json.loads(NOTE.encode())) - _LATER):
        rest = json.loads(NOTE.encode())
        del rest[key]
        with pytest.raises(BadNote):
            decode_note(json.dumps(rest).encode())


def test_a_note_of_the_version_before_tickets_is_a_message_without_one() -> None:
    found = json.loads(NOTE.encode())
    before = {key: value for key, value in found.items() if key not in _LATER}

    assert decode_note(json.dumps(before).encode()) == replace(NOTE, ticket=None, kind="message")


@pytest.mark.parametrize(("frames", "why"), [(11999, "shorter than 1.5 s"), (12000, None)])
def test_what_is_too_short_is_discarded(frames: int, why: str | None) -> None:
    assert NOTE.discarded(frames) == why

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealed_audio import header

from listen_sinks.voicemail.lsv1 import LONGEST_PREFIX, Header, Refused, read_header

ulids = st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)
numbers = st.integers(1, 2**32 - 1)
headers = st.builds(
    Header, ulids, numbers, ulids, numbers, st.integers(1, 192_000), st.integers(1, 2)
)


@given(of=headers)
def test_what_is_written_is_what_is_read(of: Header) -> None:
    prefix = of.head() + bytes(56)

    assert read_header(prefix) == (of, len(prefix))
    assert len(prefix) <= LONGEST_PREFIX


@given(of=headers, at=st.integers(0, 400), byte=st.integers(0, 255))
def test_another_byte_is_refused_or_another_header(of: Header, at: int, byte: int) -> None:
    changed = bytearray(of.head())
    at %= len(changed)
    same = changed[at] == byte
    changed[at] = byte

    try:
        found, _ = read_header(bytes(changed) + bytes(56))
    except Refused:
        assert not same
    else:
        assert (found == of) == same


@given(data=st.binary(max_size=200), length=st.integers(0, 2**32 - 1) | st.integers(0, 150))
def test_any_bytes_are_a_header_or_refused(data: bytes, length: int) -> None:
    with pytest.raises(Refused):
        read_header(b"LSV1" + length.to_bytes(4, "big") + data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": "../../etc/passwd"},
        {"message": header().message + "\n"},
        {"mailbox": "+4930123456"},
        {"part": -1},
        {"part": 2**32},
        {"part": True},
        {"key_version": 0},
        {"sample_rate": 0},
        {"sample_rate": 192_001},
        {"channels": 3},
        {"channels": 1.0},
    ],
)
def test_a_header_that_no_reader_would_take_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not"):
        replace(header(), **wrong)


def test_a_frame_has_two_bytes_per_channel() -> None:
    assert header().frame_bytes == 2
    assert replace(header(), channels=2).frame_bytes == 4

from hypothesis import given
from hypothesis import strategies as st
from sealed_audio import KEY

from listen_sinks.voicemail.lsv1 import split_tails
from listen_sinks.voicemail.lsv1.tail import Tails

TAILS = Tails(KEY, b"a prefix")
beginnings = st.lists(st.tuples(st.integers(0, 2**38), st.binary(min_size=1, max_size=50)))


@given(of=beginnings, garbage=st.binary(max_size=27))
def test_records_that_were_joined_are_told_apart_without_a_key(
    of: list[tuple[int, bytes]], garbage: bytes
) -> None:
    records = [TAILS.seal(chunk, begun) for chunk, begun in of]

    assert split_tails(b"".join(records) + garbage) == records


@given(data=st.binary(max_size=200))
def test_what_cannot_be_records_ends_them_and_opens_nothing(data: bytes) -> None:
    records = split_tails(data)

    assert data.startswith(b"".join(records))
    assert TAILS.newest(0, [*records, data]) == b""


def test_the_longest_that_opens_is_the_newest() -> None:
    short, long = TAILS.seal(3, b"ab"), TAILS.seal(3, b"abcd")
    torn = TAILS.seal(3, b"abcdef")[:-1] + b"\0"

    assert TAILS.newest(3, [short, torn, long]) == b"abcd"
    assert TAILS.newest(2, [short, torn, long]) == b""


def test_a_record_of_another_object_of_the_same_key_does_not_fit() -> None:
    assert Tails(KEY, b"another prefix").newest(0, [TAILS.seal(0, b"abcd")]) == b""


def test_a_record_cannot_be_passed_off_as_one_of_another_chunk() -> None:
    record = TAILS.seal(1, b"abcd")

    assert TAILS.newest(2, [(2).to_bytes(8, "big") + record[8:]]) == b""

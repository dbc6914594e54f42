"""Where frames begin and end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server.wire import BINARY, CONT, PING, TEXT, frame

from listen_server.server.frames import binary_run, frame_end

SIZES = st.sampled_from([0, 1, 2, 125, 126, 127, 320, 65535, 65536])
NO_LIMIT = float("inf")


@given(sizes=st.lists(SIZES, max_size=4), mask=st.binary(min_size=4, max_size=4))
def test_a_run_of_binary_frames_comes_out_as_it_was_before_the_mask(
    sizes: list[int], mask: bytes
) -> None:
    payloads = [bytes(i % 251 for i in range(size)) for size in sizes]
    stream = b"".join(frame(BINARY, payload, mask=mask) for payload in payloads)

    assert binary_run(stream, 0, NO_LIMIT) == (payloads, len(stream))


@given(size=SIZES, data=st.data())
def test_a_frame_that_is_not_all_there_is_left_alone(size: int, data: st.DataObject) -> None:
    whole = frame(BINARY, bytes(size))
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]

    assert binary_run(part, 0, NO_LIMIT) == ([], 0)
    assert frame_end(part, 0, NO_LIMIT) is None
    assert frame_end(whole + b"more", 0, NO_LIMIT) == len(whole)


@pytest.mark.parametrize(
    "other",
    [
        frame(TEXT, b"{}"),
        frame(PING),
        frame(BINARY, b"a", fin=False),
        frame(CONT, b"b"),
        frame(BINARY, b"c", rsv=4),
        frame(BINARY, b"d" * 11),
        frame(BINARY, b"e" * 10, mask=None),
    ],
)
def test_a_run_ends_at_any_other_frame(other: bytes) -> None:
    first = frame(BINARY, b"audio")

    assert binary_run(first + other, 0, 10) == ([b"audio"], len(first))


def test_a_run_ends_where_it_would_be_more_than_one_message_may_be() -> None:
    stream = frame(BINARY, b"a" * 6) + frame(BINARY, b"b" * 4) + frame(BINARY, b"c")

    payloads, at = binary_run(stream, 0, 10)

    assert payloads == [b"a" * 6, b"b" * 4]
    assert binary_run(stream, at, 10) == ([b"c"], len(stream))


@pytest.mark.parametrize(
    "head",
    [
        frame(BINARY, b"", mask=None),
        frame(0x3, b"unknown"),
        frame(BINARY, b"", announced=11)[:2],
        frame(BINARY, b"", announced=300)[:4],
        frame(BINARY, b"", announced=2**63)[:10],
    ],
)
def test_a_head_that_must_be_refused_is_not_waited_for(head: bytes) -> None:
    assert frame_end(b"x" + head, 1, 10) == 1 + len(head)

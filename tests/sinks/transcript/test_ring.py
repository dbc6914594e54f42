"""The ring keeps the newest audio at its place in the stream, and no more than it may."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.transcript.ring import Ring


def block(start: int, frames: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.arange(start, start + frames, dtype=np.int16)[np.newaxis]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 12)),
        st.tuples(st.just("skip"), st.integers(0, 9)),
        st.tuples(st.just("forget"), st.integers(0, 60)),
    ),
    max_size=20,
)


@given(steps=STEPS, most=st.integers(1, 30), position=st.integers(0, 120))
def test_what_is_there_is_at_its_place_and_bounded(
    steps: list[tuple[str, int]], most: int, position: int
) -> None:
    ring = Ring(most)
    for what, number in steps:
        if what == "put":
            ring.put(block(ring.end, number))
        elif what == "skip":
            ring.skip(number)
        else:
            ring.forget(number)

    read, at = 0, position
    while piece := ring.after(at):
        assert piece.start >= at
        assert piece.block[0].tolist() == list(range(piece.start, piece.start + piece.block.size))
        at = piece.start + piece.block.shape[1]
        read += piece.block.shape[1]
    assert read <= max(most, 12)
    assert at <= max(position, ring.end)
    assert ring.start <= ring.end


def test_it_keeps_all_that_fits() -> None:
    ring = Ring(10)
    for start in range(0, 30, 5):
        ring.put(block(start, 5))
    assert (ring.start, ring.end) == (20, 30)
    ring.forget(24)
    assert ring.start == 20
    ring.forget(25)
    assert ring.start == 25


def test_one_block_that_is_longer_than_the_ring_is_kept() -> None:
    ring = Ring(3)
    ring.put(block(0, 8))
    piece = ring.after(6)
    assert piece is not None
    assert piece.block.tolist() == [[6, 7]]

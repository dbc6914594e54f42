"""An engine gets what follows, from memory or from whoever keeps it, and no more than fits."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import AudioFormat
from listen_sinks.transcript import source as module
from listen_sinks.transcript.kept import KeptAudio, Shelf
from listen_sinks.transcript.ring import Piece
from listen_sinks.transcript.source import Source

FORM = AudioFormat(8000, "mono")


def ramp(start: int, stop: int) -> Piece:
    """Make samples that say which frame they are."""
    return Piece(start, np.arange(start, stop, dtype=np.int16)[np.newaxis])


class Kept:
    """Has frames as far as it is told to have them."""

    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.ranges = ranges
        self.asked: list[tuple[int, int]] = []
        self.failure: Exception | None = None
        self.hangs = False

    async def read(self, start: int, stop: int) -> Sequence[Piece]:
        self.asked.append((start, stop))
        if self.failure:
            raise self.failure
        if self.hangs:
            await asyncio.Event().wait()
        both = [(max(start, a), min(stop, b)) for a, b in self.ranges]
        return [ramp(a, b) for a, b in both if a < b]


def make(
    kept: KeptAudio | None, *, frames: int, ring: float = 0.1, catch_up: float = 300.0
) -> Source:
    source = Source(FORM, ring_seconds=ring, catch_up=catch_up, kept=lambda: kept)
    for start in range(0, frames, 400):
        source.put(ramp(start, min(frames, start + 400)).block)
    return source


async def read(source: Source, position: int = 0, *, ended: bool = True) -> list[int]:
    """Read it all; return the frames there were."""
    found: list[int] = []
    while piece := await source.next(position, ended=ended):
        assert piece.start >= position
        assert piece.block[0].tolist() == list(range(piece.start, piece.start + piece.block.size))
        found += piece.block[0].tolist()
        position = piece.start + piece.block.shape[1]
    return found


async def test_what_the_ring_has_not_is_read_from_who_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STRETCH", 0.5)
    kept = Kept([(0, 16000)])
    assert await read(make(kept, frames=16000)) == list(range(16000))
    assert max(stop - start for start, stop in kept.asked) == 4000
    assert kept.asked[-1][1] == 15200


async def test_nothing_is_read_where_the_ring_reaches_far_enough() -> None:
    kept = Kept([(0, 16000)])
    assert await read(make(kept, frames=16000, ring=2.0)) == list(range(16000))
    assert kept.asked == []


@given(
    edges=st.lists(st.integers(0, 4000), min_size=2, max_size=8, unique=True),
    stretch=st.integers(100, 5000),
    position=st.integers(0, 3999),
)
def test_every_frame_that_somebody_has_comes_once_and_in_order(
    edges: list[int], stretch: int, position: int
) -> None:
    edges = sorted(edges)
    ranges = list(zip(edges[::2], edges[1::2], strict=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STRETCH", stretch / 8000)
        found = asyncio.run(read(make(Kept(ranges), frames=4000), position))

    there = {n for a, b in ranges for n in range(a, b)} | set(range(3200, 4000))
    assert found == sorted(n for n in there if n >= position)


async def test_an_engine_that_takes_the_place_of_another_goes_back_as_far_as_it_likes() -> None:
    source = make(Kept([(0, 16000)]), frames=16000)
    for position in (0, 3000, 8000, 7999, 15000, 10):
        piece = await source.next(position, ended=True)
        assert piece is not None
        assert (piece.start, piece.block[0, 0]) == (position, position)


async def test_of_a_long_absence_the_newest_is_read() -> None:
    kept = Kept([(0, 16000)])
    assert await read(make(kept, frames=16000, catch_up=0.5)) == list(range(12000, 16000))
    assert await read(make(kept, frames=16000, catch_up=0.0)) == list(range(15200, 16000))


async def test_audio_that_came_to_nobody_but_a_keeper_is_read_too() -> None:
    source = make(Kept([(0, 9000)]), frames=4000, ring=5.0)
    source.skip(800)
    assert await read(source, ended=False) == list(range(4000))
    source.put(ramp(4800, 5200).block)
    source.skip(400)
    assert await read(source, 4000, ended=True) == list(range(4000, 5600))


@pytest.mark.parametrize("failure", [OSError("no such file"), None])
async def test_a_keeper_that_fails_or_hangs_costs_only_what_it_has(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    monkeypatch.setattr(module, "_READING", 0.02)
    kept = Kept([(0, 16000)])
    kept.failure, kept.hangs = failure, failure is None
    assert await read(make(kept, frames=16000)) == list(range(15200, 16000))
    assert await read(make(None, frames=16000)) == list(range(15200, 16000))


async def test_missed_audio_comes_faster_than_it_was_said_and_not_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PACE", 20.0)
    monkeypatch.setattr(module, "BLOCK", 0.1)
    began = monotonic()
    assert await read(make(Kept([(0, 32000)]), frames=32000), ended=False) == list(range(32000))
    took = monotonic() - began
    assert 0.15 <= took < 4.0  # as long as it was said


async def test_of_two_who_keep_a_stream_the_first_is_asked_until_it_ends() -> None:
    shelf = Shelf()
    first, second = Kept([]), Kept([])
    end_first = shelf.lend("stream", first)
    end_second = shelf.lend("stream", second)
    assert shelf.find("stream") is first
    end_second()
    assert shelf.find("stream") is first
    end_first()
    end_first()
    assert shelf.find("stream") is None

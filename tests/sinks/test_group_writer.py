import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from harness import until

from listen_codecs.formats import AudioBlock
from listen_sinks.group_writer import GroupWriter, Tape


class Reel:
    """Remembers what was written to it, and where; fails if asked to."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.written: list[int] = []
        self.threads: set[int] = set()
        self.batches = 0
        self.fails_after = fails_after

    def write(self, blocks: Sequence[AudioBlock]) -> None:
        self.threads.add(threading.get_ident())
        self.batches += 1
        for block in blocks:
            if len(self.written) == self.fails_after:
                raise OSError("no more")
            self.written.append(int(block[0, 0]))


def numbered(number: int) -> AudioBlock:
    return np.full((1, 160), number, np.int16)


async def test_what_was_put_between_two_rounds_is_written_in_one_go() -> None:
    writer = GroupWriter(interval=0.01)
    writer.start()
    reels = [Reel(), Reel()]
    tapes = [Tape(reel.write) for reel in reels]

    for number in range(10):
        for tape in tapes:
            writer.put(tape, numbered(number))
    await until(lambda: not any(tape.pending for tape in tapes))
    await writer.stop()

    assert [reel.written for reel in reels] == [list(range(10))] * 2
    assert [reel.batches for reel in reels] == [1, 1]
    assert reels[0].threads == reels[1].threads
    assert threading.get_ident() not in reels[0].threads


async def test_drained_and_written_in_rounds_the_order_stays() -> None:
    writer = GroupWriter(interval=0.001)
    writer.start()
    reel = Reel()
    tape = Tape(reel.write)

    for number in range(300):
        writer.put(tape, numbered(number))
        if number % 7 == 0:
            await asyncio.sleep(0)
        if number % 50 == 0:
            await writer.drain(tape)
    await writer.drain(tape)
    await writer.stop()

    assert reel.written == list(range(300))
    assert tape.pending == 0


async def test_nothing_is_written_behind_a_failure() -> None:
    writer = GroupWriter(interval=10)
    writer.start()
    reel, other = Reel(fails_after=2), Reel()
    tape, healthy = Tape(reel.write), Tape(other.write)

    for number in range(5):
        writer.put(tape, numbered(number))
        writer.put(healthy, numbered(number))
        await writer.drain(tape)
        await writer.drain(healthy)
    await writer.stop()

    assert reel.written == [0, 1]
    assert isinstance(tape.error, OSError)
    assert other.written == [0, 1, 2, 3, 4]
    assert healthy.error is None
    assert tape.pending == healthy.pending == 0


async def test_who_gives_up_waiting_loses_no_audio() -> None:
    writer = GroupWriter(interval=10)
    writer.start()
    blocked, go_on = threading.Event(), threading.Event()
    reel = Reel()

    def write(blocks: Sequence[AudioBlock]) -> None:
        blocked.set()
        go_on.wait()
        reel.write(blocks)

    tape, behind = Tape(write), Tape(reel.write)
    writer.put(tape, numbered(1))
    writer.put(behind, numbered(2))
    first = asyncio.create_task(writer.drain(tape))
    await asyncio.to_thread(blocked.wait)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(behind), 0.01)
    go_on.set()
    await first
    await writer.drain(behind)
    await writer.stop()

    assert reel.written == [1, 2]

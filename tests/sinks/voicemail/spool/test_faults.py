"""The n-th write, sync, ... fails, for n = 1, 2, ... until none is hit any more."""

import asyncio
import errno
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from failing_disk import FailingDisk, Operation
from spooled import begin, ended, noise, opened, spooling

from listen_codecs.formats import AudioBlock
from listen_sinks.voicemail.spool import Spool, SpooledStream, SpoolLimits, Stored

LIMITS = SpoolLimits(write_interval=0.005, sync_interval=0.01, reserve=2**16, low_water=0)
CALLS = 2
BLOCKS = 6
AUDIO = [noise(6.0, seed=number) for number in range(CALLS)]
MOST = 200


@dataclass
class Taken:
    """What became of the calls of one round."""

    declined: int = 0
    put: dict[str, int] = field(default_factory=dict)  # frames, by call
    kept: list[Stored] = field(default_factory=list)
    problems: int = 0


async def take_calls(directory: Path, disk: FailingDisk) -> Taken:
    """Take calls, end them as the sink does, and never look at what fails."""
    taken = Taken()
    async with spooling(directory, disk=disk, limits=LIMITS) as (spool, _):
        await asyncio.gather(*(_take_call(spool, number, taken) for number in range(CALLS)))
    return taken


async def _take_call(spool: Spool, number: int, taken: Taken) -> None:
    try:
        stream = await spool.begin(partial(begin, caller=str(number)))
    except OSError:
        taken.declined += 1
        return
    put = await _put(spool, stream, AUDIO[number])
    kept, problem = await stream.end(ended(), bytes)
    taken.put[str(number)] = put
    taken.kept.append(await stream.outlined(kept))
    taken.problems += bool(problem or stream.error)


async def _put(spool: Spool, stream: SpooledStream, audio: AudioBlock) -> int:
    """Return how many frames were put before an error; the last are written at the end."""
    put = 0
    for number, block in enumerate(np.split(audio, BLOCKS, axis=1), 1):
        if stream.error:
            break
        stream.put(block)
        put += block.shape[1]
        if number < BLOCKS:
            await spool.writer.drain(stream._tape)
            await asyncio.sleep(0.004)
    return put


def check(taken: Taken) -> None:
    """Whatever failed: every call that was taken is there once, and all of it is true."""
    assert taken.declined + len(taken.kept) == CALLS
    for message in taken.kept:
        number = int(message.note.caller or "")
        read = opened(message)
        assert (read.audio == AUDIO[number][:, : read.audio.shape[1]]).all()
        assert read.damaged == ()
        assert message.end.frames == read.audio.shape[1] <= taken.put[str(number)]
        if message.end.state == "complete":
            assert message.end.frames == AUDIO[number].shape[1]


async def sweep(directory: Path, operations: Iterable[Operation], **how: object) -> list[Taken]:
    """Let the first operation fail, the second, ...; return what became of the calls."""
    rounds: list[Taken] = []
    for nth in itertools.count(1):
        disk = FailingDisk(operations, nth, **how)  # type: ignore[arg-type]
        taken = await take_calls(directory / str(nth), disk)
        if not disk.hit:
            assert nth > 2  # how often a slow disk is synced between begin and end is open
            return rounds
        await asyncio.to_thread(check, taken)
        rounds.append(taken)
        assert nth < MOST
    raise AssertionError


@pytest.mark.parametrize("operations", [("create", "write", "rename"), ("sync",)])
async def test_one_error_costs_nothing_that_was_begun(
    tmp_path: Path, operations: tuple[Operation, ...]
) -> None:
    for taken in await sweep(tmp_path, operations, number=errno.EIO):
        assert taken.problems == 0
        assert taken.declined <= CALLS
        for message in taken.kept:
            assert message.end.state == "complete"
            assert message.end.frames == AUDIO[0].shape[1]


async def test_a_disk_that_is_full_once_ends_calls_with_all_that_they_had(tmp_path: Path) -> None:
    for taken in await sweep(tmp_path, ("write",), number=errno.ENOSPC):
        for message in taken.kept:
            assert message.end.frames == taken.put[message.note.caller or ""]


@pytest.mark.parametrize("operations", [("create", "write", "rename"), ("sync",)])
async def test_a_disk_that_fails_for_good_leaves_true_beginnings(
    tmp_path: Path, operations: tuple[Operation, ...]
) -> None:
    rounds = await sweep(tmp_path, operations, number=errno.EIO, for_ever=True)

    assert any(taken.problems for taken in rounds)
    assert rounds[0].declined == CALLS
    # What is on a disk that still reads is found by the next start, too.
    async with spooling(tmp_path / str(len(rounds))) as (_, found):
        assert all(message.end.state in ("complete", "failed", "interrupted") for message in found)

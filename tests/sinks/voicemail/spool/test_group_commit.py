import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from failing_disk import FailingDisk
from harness import until
from spooled import begin, ended, feed, files_below, noise, reopened, spooling

from listen_sinks.voicemail.spool import Disk


class WatchedDisk(Disk):
    """Counts syncs, and holds them as long as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.syncs = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def sync(self, folder: int, files: Iterable[int]) -> None:
        self.syncs += 1
        self.go_on.wait()
        super().sync(folder, files)


async def test_one_sync_is_for_all_who_wait(tmp_path: Path) -> None:
    disk = WatchedDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        before = disk.syncs
        streams = await asyncio.gather(*(spool.begin(begin) for _ in range(50)))
        assert disk.syncs - before <= 3

        before = disk.syncs
        await asyncio.gather(*(stream.end(ended(), bytes) for stream in streams))
        assert disk.syncs - before <= 4


async def test_nothing_is_synced_when_nothing_is_written(tmp_path: Path) -> None:
    disk = WatchedDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        await (await spool.begin(begin)).end(ended(), bytes)
        before = disk.syncs

        await spool.commits.commit()
        await spool.commits.commit()

        assert disk.syncs == before


async def test_a_sync_that_is_going_on_does_not_count_for_what_is_written_now(
    tmp_path: Path,
) -> None:
    disk = WatchedDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        disk.go_on.clear()
        before = disk.syncs
        await feed(stream, [noise(1.0)])
        await until(lambda: disk.syncs > before)
        waiting = asyncio.create_task(spool.commits.commit())
        await asyncio.sleep(0)

        disk.go_on.set()
        await waiting

        assert disk.syncs >= before + 2 or not stream._message.dirty


async def test_while_a_slow_disk_syncs_writing_goes_on(tmp_path: Path) -> None:
    disk = WatchedDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        disk.go_on.clear()
        before = disk.syncs
        await feed(stream, [noise(1.0)])
        await until(lambda: disk.syncs > before)
        await feed(stream, [noise(1.0)])

        await until(lambda: stream._message.frames == 16000)

        disk.go_on.set()
        assert spool.unavailable() is None


async def test_a_disk_that_does_not_answer_gets_no_new_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("listen_sinks.voicemail.spool.group_commit.STALLED", 0.05)
    disk = WatchedDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        disk.go_on.clear()
        await feed(stream, [noise(1.0)])
        await until(spool.unavailable)

        assert spool.unavailable() == "the disk of the spool does not answer"

        disk.go_on.set()
        await until(lambda: spool.unavailable() is None)


async def test_a_sync_that_fails_is_made_good_in_new_files(tmp_path: Path) -> None:
    disk = FailingDisk({"sync"}, 2)
    audio = noise(3.0)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        await feed(stream, [audio[:, :16000]])
        await until(lambda: disk.hit)
        await feed(stream, [audio[:, 16000:]])
        kept, problem = await stream.end(ended(), bytes)

        assert problem is None
        assert len(kept.files.segments) == 2
        assert kept.files.segments[1].offset > 0
        message = await reopened(kept)
        assert message.ending == "sealed"
        assert (message.audio == audio).all()


async def test_a_file_system_that_forgets_costs_the_chunks_of_that_second_alone(
    tmp_path: Path,
) -> None:
    disk = FailingDisk({"sync"}, 3, forgetful=True)
    audio = noise(20.0)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        for start in range(0, audio.shape[1], 8000):
            await feed(stream, [audio[:, start : start + 8000]])
            await spool.writer.drain(stream._tape)
            if not disk.hit and start % 32000 == 0:
                await asyncio.gather(spool.commits.commit(), return_exceptions=True)
        kept, problem = await stream.end(ended(), bytes)

        assert disk.hit
        assert problem is None
        message = await reopened(kept)
        assert message.ending == "sealed"
        assert 0 < len(message.damaged) <= 5
        wrong = [chunk for chunk in range(20) if not _same(message.audio, audio, chunk)]
        assert tuple(wrong) == message.damaged
        end = (await stream.outlined(kept)).end
        assert (end.state, end.reason) == ("failed", "the disk failed")


def _same(one: object, other: object, chunk: int) -> bool:
    span = slice(chunk * 8192, (chunk + 1) * 8192)
    return bool((one[:, span] == other[:, span]).all())  # type: ignore[index]


async def test_a_disk_that_keeps_failing_to_sync_cuts_calls_and_refuses_new_ones(
    tmp_path: Path,
) -> None:
    disk = FailingDisk({"sync"}, 2, for_ever=True)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        for _ in range(400):
            await feed(stream, [noise(0.1)], pause=0.005)
            if stream.error:
                break

        assert stream.error is not None
        assert spool.unavailable() == "the disk of the spool fails"
        kept, problem = await stream.end(ended("failed"), bytes)
        assert isinstance(problem, OSError)
        assert (await reopened(kept)).audio.shape[1] == kept.end.frames

        disk.healed = True
        await until(lambda: spool.unavailable() is None)


async def test_a_call_whose_key_is_not_durable_is_not_begun(tmp_path: Path) -> None:
    disk = FailingDisk({"sync"}, 1)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        with pytest.raises(OSError, match="Input/output"):
            await spool.begin(begin)

        await until(lambda: not spool._chores)
        assert await asyncio.to_thread(files_below, tmp_path) == {"reserve"}
        stream = await spool.begin(begin)
        assert (await stream.end(ended(), bytes))[1] is None


async def test_a_failure_that_was_not_foreseen_is_a_failure_and_not_the_end(
    tmp_path: Path,
) -> None:
    class BrokenDisk(Disk):
        broken = True

        def sync(self, folder: int, files: Iterable[int]) -> None:
            if self.broken:
                raise RuntimeError("not foreseen")
            super().sync(folder, files)

    disk = BrokenDisk()
    async with spooling(tmp_path, disk=disk) as (spool, _):
        with pytest.raises(OSError, match="not foreseen"):
            await spool.begin(begin)
        assert spool.unavailable() == "the disk of the spool fails"

        disk.broken = False
        await until(lambda: spool.unavailable() is None)
        await spool.begin(begin)

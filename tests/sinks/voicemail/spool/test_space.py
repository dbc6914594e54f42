import errno
from pathlib import Path

from listen_sinks.voicemail.spool import Disk
from listen_sinks.voicemail.spool.space import RESERVE, Space


class CountedDisk(Disk):
    """Has as many free bytes as it is told."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self.bytes = free

    def free(self, folder: Path) -> int:
        del folder
        return self.bytes


def test_a_reserve_is_set_aside_where_there_is_room(tmp_path: Path) -> None:
    space = Space(Disk(), tmp_path, reserve=2**16, low_water=0)

    space.look()

    assert (tmp_path / RESERVE).stat().st_blocks * 512 >= 2**16
    assert not space.low


def test_new_calls_are_refused_below_the_low_water_and_taken_again_above_it(
    tmp_path: Path,
) -> None:
    disk = CountedDisk(10 * 2**20)
    space = Space(disk, tmp_path, reserve=2**16, low_water=2**20)
    space.look()
    assert not space.low

    disk.bytes = 2**20 - 1
    space.look()
    assert space.low
    assert not space.full

    disk.bytes = 2**20
    space.look()
    assert not space.low


def test_the_reserve_is_freed_when_the_disk_is_full_and_set_aside_when_it_has_room(
    tmp_path: Path,
) -> None:
    disk = CountedDisk(10 * 2**20)
    space = Space(disk, tmp_path, reserve=2**16, low_water=2**20)
    space.look()

    space.refused(OSError(errno.ENOSPC, "full"))
    assert space.full
    assert space.low
    assert not (tmp_path / RESERVE).exists()

    disk.bytes = 2**20
    space.look()
    assert space.full, "there is room for calls, but not for their last words"

    disk.bytes = 2 * 2**20
    space.look()
    assert not space.full
    assert not space.low
    assert (tmp_path / RESERVE).exists()


def test_a_disk_that_fails_is_not_full(tmp_path: Path) -> None:
    space = Space(Disk(), tmp_path, reserve=2**16, low_water=0)

    space.refused(OSError(errno.EIO, "fails"))

    assert not space.full

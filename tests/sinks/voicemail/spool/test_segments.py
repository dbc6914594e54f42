import errno
from pathlib import Path

import pytest
from failing_disk import FailingDisk
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.spool import Disk
from listen_sinks.voicemail.spool.pieces import pieces_of, read_pieces
from listen_sinks.voicemail.spool.segments import Segments
from listen_sinks.voicemail.spool.space import Space

STEM = "01K00000000000000000000001.0"


def segments(folder: Path, disk: Disk | None = None) -> Segments:
    disk = disk or Disk()
    return Segments(disk, Space(disk, folder, reserve=2**16, low_water=0), folder / STEM)


def kept(written: Segments) -> bytes:
    return b"".join(read_pieces(pieces_of(written.files), 2**16))


def test_a_write_that_fails_goes_into_a_new_file_and_never_again_into_the_old(
    tmp_path: Path,
) -> None:
    written = segments(tmp_path, FailingDisk({"write"}, 3))
    for data in (b"a" * 10, b"b" * 10, b"c" * 10, b"d" * 10):
        written.append(data)

    assert [(s.number, s.offset) for s in written.files] == [(0, 0), (1, 0)]
    assert written.files[0].path.stat().st_size == 25
    assert kept(written) == b"a" * 10 + b"b" * 10 + b"c" * 10 + b"d" * 10


def test_what_is_known_to_last_is_not_written_again(tmp_path: Path) -> None:
    written = segments(tmp_path)
    written.append(b"a" * 10)
    written.mark()
    written.append(b"b" * 10)
    written.confirm()

    assert written.unsynced == 10
    written.start_over()

    assert written.files[1].offset == 10
    assert written.files[1].path.read_bytes() == b"b" * 10


def test_a_sync_that_began_before_a_failure_says_nothing_about_the_new_file(
    tmp_path: Path,
) -> None:
    written = segments(tmp_path)
    written.append(b"a" * 10)
    written.mark()
    written.start_over()
    written.confirm()

    assert written.unsynced == 10


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=12),
    nth=st.integers(1, 30),
    number=st.sampled_from([errno.EIO, errno.ENOSPC]),
    for_ever=st.booleans(),
    syncs=st.sets(st.integers(0, 12)),
)
def test_whatever_fails_what_is_on_disk_is_the_beginning_of_the_object(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[bytes],
    nth: int,
    number: int,
    for_ever: bool,  # noqa: FBT001 - hypothesis gives it by name
    syncs: set[int],
) -> None:
    disk = FailingDisk({"write", "create"}, nth, number, for_ever=for_ever)
    written = segments(tmp_path_factory.mktemp("segments"), disk)
    taken = 0
    for index, data in enumerate(pieces):
        try:
            written.append(data)
        except OSError:
            break
        taken = index + 1
        if index in syncs:
            written.mark()
            written.confirm()

    whole = b"".join(pieces)
    assert whole.startswith(kept(written))
    assert len(kept(written)) >= len(b"".join(pieces[:taken]))
    begun = nth > 2  # create, write: where those fail, nothing was begun
    assert taken == len(pieces) or for_ever or not begun


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    disk = FailingDisk({"write", "create"}, 2, errno.ENOSPC, for_ever=True)
    written = segments(tmp_path, disk)
    with pytest.raises(OSError, match="No space"):
        written.append(b"a" * 10)

    disk.healed = True
    written.append(b"b" * 10)

    assert kept(written) == b"a" * 10 + b"b" * 10

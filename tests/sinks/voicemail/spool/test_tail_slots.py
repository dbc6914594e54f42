import errno
from pathlib import Path

import pytest
from failing_disk import FailingDisk
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.lsv1 import LONGEST_TAIL
from listen_sinks.voicemail.spool import Disk
from listen_sinks.voicemail.spool.space import Space
from listen_sinks.voicemail.spool.tail_slots import PLACE, TailSlots, places_in


def slots(folder: Path, disk: Disk | None = None) -> TailSlots:
    disk = disk or Disk()
    return TailSlots(disk, Space(disk, folder, reserve=0, low_water=0), folder / "stem")


def numbered(number: int) -> bytes:
    return number.to_bytes(4, "big") * (LONGEST_TAIL // 4)


def found(tails: TailSlots) -> set[int]:
    """Return the numbers of the records that are whole."""
    places = [place for path in tails.files for place in places_in(path.read_bytes())]
    numbers = {int.from_bytes(place[:4], "big") for place in places}
    return {n for n in numbers if any(place.startswith(numbered(n)) for place in places)}


@given(steps=st.lists(st.sampled_from(["put", "mark", "confirm"]), max_size=40))
def test_the_newest_the_synced_and_the_one_being_synced_are_never_written_over(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    tails = slots(tmp_path_factory.mktemp("tails"))
    newest = marked = synced = None
    for number, step in enumerate(steps, 1):
        if step == "put":
            tails.put(numbered(number))
            newest = number
        elif step == "mark":
            tails.mark()
            marked = newest
        else:
            tails.confirm()
            synced, marked = marked or synced, None
        assert {newest, marked, synced} - {None} <= found(tails)


def test_places_share_no_page() -> None:
    assert PLACE % 4096 == 0
    assert PLACE >= LONGEST_TAIL


def test_a_place_that_fails_is_left_for_another_file(tmp_path: Path) -> None:
    tails = slots(tmp_path, FailingDisk({"write"}, 2))

    tails.put(numbered(1))
    tails.put(numbered(2))

    assert len(tails.files) == 2
    assert {1, 2} <= found(tails)


def test_a_disk_that_takes_nothing_more_is_told(tmp_path: Path) -> None:
    tails = slots(tmp_path, FailingDisk({"write"}, 2, errno.EROFS, for_ever=True))
    tails.put(numbered(1))

    with pytest.raises(OSError, match="Read-only"):
        tails.put(numbered(2))
    assert found(tails) == {1}


def test_what_a_sync_was_for_is_forgotten_when_the_file_is_left(tmp_path: Path) -> None:
    tails = slots(tmp_path)
    tails.put(numbered(1))
    tails.mark()
    tails.start_over()
    tails.put(numbered(2))
    tails.confirm()

    assert tails.unsynced

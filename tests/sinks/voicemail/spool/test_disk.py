import os
import stat
import sys
from pathlib import Path

import pytest

from listen_sinks.voicemail.spool import Disk
from listen_sinks.voicemail.spool.disk import find_syncfs


def test_files_are_for_this_user_alone(tmp_path: Path) -> None:
    Disk().create_whole(tmp_path / "note", b"words")

    assert (tmp_path / "note").read_bytes() == b"words"
    assert stat.S_IMODE((tmp_path / "note").stat().st_mode) == 0o600


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "note").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileExistsError):
        Disk().create_whole(tmp_path / "note", b"words")


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is Linux's")
def test_one_system_call_syncs_the_volume(tmp_path: Path) -> None:
    sync = find_syncfs()
    assert sync is not None
    folder = os.open(tmp_path, os.O_RDONLY)

    sync(folder)

    os.close(folder)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync(folder)


def test_without_that_call_every_file_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    disk = Disk()
    disk._syncfs = None

    disk.create_whole(tmp_path / "note", b"words")
    disk.sync(3, [1, 2])

    assert synced[1:] == [1, 2, 3]

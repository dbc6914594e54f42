import os
import stat
from pathlib import Path

from listen_sinks.folders import Run, left_behind, make_folder


def test_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "a/b/c")
    finally:
        os.umask(before)

    for folder in (tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(0o750)

    make_folder(tmp_path / "a")

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750


def test_a_run_belongs_to_one_until_it_ends(tmp_path: Path) -> None:
    run = Run.begin(tmp_path)

    assert left_behind(tmp_path) == []
    assert Run.take_over(run.folder) is None

    run.end()
    assert list((tmp_path / "open").iterdir()) == []


def test_a_run_with_something_in_it_stays_for_the_next(tmp_path: Path) -> None:
    run = Run.begin(tmp_path)
    (run.folder / "unfinished").touch()

    run.end()

    (taken,) = left_behind(tmp_path)
    assert taken.folder == run.folder
    (run.folder / "unfinished").unlink()
    taken.end()
    assert not run.folder.exists()


def test_what_is_no_run_is_not_touched(tmp_path: Path) -> None:
    make_folder(tmp_path / "open/empty")
    (tmp_path / "open/file").touch()

    assert left_behind(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "open").iterdir()) == ["empty", "file"]


def test_two_runs_of_one_directory_do_not_meet(tmp_path: Path) -> None:
    one, other = Run.begin(tmp_path), Run.begin(tmp_path)

    assert one.folder != other.folder
    one.end()
    assert Run.take_over(other.folder) is None
    other.end()

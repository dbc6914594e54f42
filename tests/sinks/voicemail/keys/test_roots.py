import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.keys.roots import BadRootFile, add, create, load


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "root.keys"
    create(path)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_the_file_says_what_it_is_and_keeps_the_oldest_first(path: Path) -> None:
    first = load(path)[0]

    second = add(path)

    assert load(path) == [first, second]
    assert path.read_text().startswith("# Root keys")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_with_a_character_changed_is_noticed(path: Path) -> None:
    text = path.read_text()

    for at in range(text.rindex("\n", 0, -1) + 1, len(text) - 1):
        write(path, text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
        with pytest.raises(BadRootFile, match="line 4 is damaged"):
            load(path)


@given(kept=st.integers(0, 300))
def test_a_file_that_was_cut_is_refused_or_whole(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    path = tmp_path_factory.mktemp("roots") / "root.keys"
    create(path)
    text, roots = path.read_text(), load(path)

    write(path, text[:kept])

    if kept >= len(text) - 1:
        assert load(path) == roots
    else:
        with pytest.raises(BadRootFile):
            load(path)


def test_comments_empty_lines_and_windows_line_ends_do_no_harm(path: Path) -> None:
    roots = load(path)

    write(path, "\n# mine\n" + path.read_text().replace("\n", "\r\n") + "\n  # end")

    assert load(path) == roots


def test_a_file_without_a_root_is_refused(path: Path) -> None:
    write(path, "# nothing\n")

    with pytest.raises(BadRootFile, match="no root"):
        load(path)


def test_a_file_that_is_there_is_never_made_again(path: Path) -> None:
    roots = load(path)

    assert not create(path)

    assert load(path) == roots


def made(path: Path) -> bytes:
    create(path)
    return load(path)[0].key


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def test_processes_that_start_at_once_agree_on_one_root(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(made, [tmp_path / "root.keys"] * 8)

    assert len(set(keys)) == 1
    assert names(tmp_path) == ["root.keys"]


def test_two_rotations_at_once_cannot_lose_a_root(path: Path) -> None:
    roots = load(path)
    path.with_name("root.keys.new").touch()  # of the one that came first

    with pytest.raises(BadRootFile, match=r"remove .*root\.keys\.new"):
        add(path)

    assert load(path) == roots


def test_a_rotation_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    text = path.read_text() + "damaged line\n"
    write(path, text)

    with pytest.raises(BadRootFile, match="line 5"):
        add(path)

    assert path.read_text() == text
    assert names(path.parent) == ["root.keys"]


def test_a_rotation_adds_no_root_where_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        add(tmp_path / "root.keys")

    assert names(tmp_path) == []

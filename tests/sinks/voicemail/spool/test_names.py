from pathlib import Path

import pytest

from listen_sinks.voicemail.spool.names import files_in, named, segment_path, stem_of

MESSAGE = "01K00000000000000000000001"


def test_the_files_of_a_message_are_found_by_their_names(tmp_path: Path) -> None:
    stem = stem_of(tmp_path, MESSAGE, 3)
    made = [
        named(stem, "note"),
        named(stem, "late"),
        named(stem, "end"),
        segment_path(stem, 0, 0),
        segment_path(stem, 1, 16400),
        named(stem, "0.tail"),
        named(stem, "end.new"),
    ]
    for path in made:
        path.touch()

    (files,) = files_in(tmp_path).values()

    assert files.stem == stem
    assert files.words == {"note", "late", "end"}
    assert [(s.number, s.offset) for s in files.segments] == [(0, 0), (1, 16400)]
    assert files.tails == [named(stem, "0.tail")]
    assert files.unfinished == [named(stem, "end.new")]
    assert sorted(files.all()) == sorted(made)


def test_parts_of_a_message_are_kept_apart(tmp_path: Path) -> None:
    for part in (1, 10):
        named(stem_of(tmp_path, MESSAGE, part), "note").touch()

    assert set(files_in(tmp_path)) == {f"{MESSAGE}.1", f"{MESSAGE}.10"}


@pytest.mark.parametrize(
    "name",
    [
        "lock",
        "reserve",
        f"{MESSAGE}.note",
        f"{MESSAGE}.0.notes",
        f"{MESSAGE}.0.0.audio",
        f"{MESSAGE}.0.tail",
        f"{MESSAGE.lower()}.0.note",
        f"..{MESSAGE}.0.note",
        f"{MESSAGE}.-1.note",
        f"{MESSAGE}.0.note\n",
    ],
)
def test_what_is_no_file_of_a_message_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert files_in(tmp_path) == {}

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.spool.names import Segment
from listen_sinks.voicemail.spool.pieces import pieces_of, read_pieces, read_range

OBJECT = bytes(range(256)) * 2


def segments(folder: Path, *spans: tuple[int, int]) -> list[Segment]:
    """Write files that each have the bytes of the object from an offset to an offset."""
    made = []
    for number, (start, stop) in enumerate(spans):
        path = folder / f"{number}-{start}.audio"
        path.write_bytes(OBJECT[start:stop])
        made.append(Segment(number, start, path))
    return made


def test_an_object_goes_on_in_the_next_file(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (80, 200), (200, 300))

    pieces = pieces_of(files)

    assert [(piece.path, piece.start, piece.length) for piece in pieces] == [
        (files[0].path, 0, 80),
        (files[1].path, 0, 120),
        (files[2].path, 0, 100),
    ]


def test_an_older_file_has_what_a_newer_one_was_cut_in(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (50, 60))

    assert b"".join(read_pieces(pieces_of(files), 7)) == OBJECT[:100]


def test_of_two_files_the_newer_counts(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (50, 100))
    files[0].path.write_bytes(OBJECT[:50] + bytes(50))

    assert b"".join(read_pieces(pieces_of(files), 1000)) == OBJECT[:100]


def test_an_object_ends_in_front_of_a_hole(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (150, 200))

    assert sum(piece.length for piece in pieces_of(files)) == 100


def test_a_file_that_is_gone_has_nothing(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (100, 200))
    files[1].path.unlink()

    assert sum(piece.length for piece in pieces_of(files)) == 100


@given(
    first=st.integers(0, 300),
    later=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=5),
)
def test_however_files_overlap_the_beginning_of_the_object_comes_out(
    tmp_path_factory: object, first: int, later: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("pieces")  # type: ignore[attr-defined]
    spans = [(0, first), *[(start, start + length) for start, length in later]]
    files = segments(folder, *spans)

    found = b"".join(read_pieces(pieces_of(files), 64))

    reached = 0
    while further := [stop for start, stop in spans if start <= reached < stop]:
        reached = max(further)
    assert found == OBJECT[:reached]


def test_what_cannot_be_read_back_is_zeros(tmp_path: Path) -> None:
    files = segments(tmp_path, (0, 100), (80, 120))

    assert read_range(files, 70, 140) == OBJECT[70:120] + bytes(20)
    files[1].path.unlink()
    assert read_range(files, 90, 110) == OBJECT[90:100] + bytes(10)
    assert read_range([], 0, 3) == bytes(3)

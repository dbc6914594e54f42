from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sealed_audio import KEY, MESSAGE, Bytes, everything, sealed

from listen_sinks.voicemail.lsv1 import CHUNK, SEALED_CHUNK, BodyReader, Ranges

AUDIO = bytes(range(256)) * 80 * 2
OBJECT = sealed(AUDIO)
borders = st.lists(st.integers(0, len(OBJECT)), max_size=5)


def cut(data: bytes, at: list[int]) -> list[Bytes]:
    """Cut data at these places, some of them perhaps the same."""
    ends = [0, *sorted(at), len(data)]
    return [Bytes(data[start:stop]) for start, stop in pairwise(ends)]


def joined(pieces: list[Bytes]) -> Ranges:
    return Ranges([(len(piece.data), piece.read) for piece in pieces])


@given(at=borders)
def test_an_object_in_pieces_cut_anywhere_is_the_object(at: list[int]) -> None:
    whole = joined(cut(OBJECT, at))

    audio = BodyReader(whole.read, whole.size, KEY, message=MESSAGE, part=0)

    assert audio.ending == "sealed"
    assert everything(audio) == AUDIO


@given(at=borders, offset=st.integers(0, 45000), length=st.integers(1, 45000))
def test_a_read_touches_only_the_pieces_that_have_a_byte_of_it(
    at: list[int], offset: int, length: int
) -> None:
    pieces = cut(OBJECT, at)

    assert joined(pieces).read(offset, length) == OBJECT[offset : offset + length]

    assert sum(n for piece in pieces for _, n in piece.reads) <= length


def test_a_piece_that_is_shorter_than_it_should_be_shifts_nothing() -> None:
    whole = Ranges([(200, Bytes(OBJECT[:100]).read), (50, Bytes(OBJECT[200:250]).read)])

    assert whole.read(50, 190) == OBJECT[50:100] + bytes(100) + OBJECT[200:240]


def test_a_missing_piece_costs_the_chunks_in_it() -> None:
    prefix = len(OBJECT) - len(AUDIO) - 3 * 16
    pieces = cut(OBJECT, [prefix, prefix + SEALED_CHUNK])
    sizes = [len(piece.data) for piece in pieces]
    pieces[1].data = b""
    whole = Ranges([(n, piece.read) for n, piece in zip(sizes, pieces, strict=True)])

    audio = BodyReader(whole.read, whole.size, KEY, message=MESSAGE, part=0)

    found = audio.salvage(0, audio.length)
    assert (audio.ending, found.damaged) == ("sealed", (0,))
    assert found.plain == bytes(CHUNK) + AUDIO[CHUNK:]

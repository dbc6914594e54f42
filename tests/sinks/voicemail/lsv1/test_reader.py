import hashlib
import random

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import example, given
from hypothesis import strategies as st
from sealed_audio import KEY, MESSAGE, Bytes, everything, header, reader, sealed

from listen_sinks.voicemail.lsv1 import (
    CHUNK,
    LONGEST_PREFIX,
    SEALED_CHUNK,
    BodyReader,
    BodyWriter,
    Damaged,
    Refused,
)

AUDIO = random.Random(4).randbytes(3 * CHUNK + 700)  # noqa: S311 - audio, not a key
OBJECT = sealed(AUDIO)
PREFIX = len(OBJECT) - len(AUDIO) - 4 * 16
HOUR = 3600 * 8000 * 2  # bytes of an hour of 8 kHz mono

near_a_border = st.builds(
    lambda chunk, off: max(0, min(chunk * CHUNK + off, len(AUDIO) + 9)),
    st.integers(0, 3),
    st.integers(-2, 2),
)
places = near_a_border | st.integers(0, len(AUDIO) + 9)


@given(start=places, stop=places)
@example(0, len(AUDIO))
@example(-5, 3)
def test_any_range_is_the_slice_and_touches_only_the_chunks_it_needs(start: int, stop: int) -> None:
    source = Bytes(OBJECT)
    audio = reader(source)
    source.reads.clear()

    assert audio.read(start, stop) == AUDIO[max(start, 0) : stop]

    assert len(source.reads) <= 1
    wanted = range(max(start, 0), min(stop, 3 * CHUNK))
    if wanted:
        first, last = wanted[0] // CHUNK, wanted[-1] // CHUNK
        at, length = source.reads[0]
        assert at == PREFIX + first * SEALED_CHUNK
        assert length == (last + 1 - first) * SEALED_CHUNK
    else:
        assert source.reads == []  # the end of the audio was read when it was opened


def test_a_second_from_the_middle_of_an_hour_reads_under_100_kib() -> None:
    source = Bytes(sealed(bytes(HOUR)))

    audio = reader(source)
    audio.read(HOUR // 2, HOUR // 2 + 16000)

    assert sum(min(n, len(source.data) - at) for at, n in source.reads) < 100 * 1024
    assert len(source.reads) == 3  # the prefix, the final chunk, the range


@given(cut=st.integers(0, len(OBJECT)) | st.integers(0, 3).map(lambda n: PREFIX + n * SEALED_CHUNK))
@example(PREFIX)
@example(len(OBJECT))
def test_any_cut_gives_an_exact_beginning_and_never_anything_else(cut: int) -> None:
    if cut < PREFIX:
        with pytest.raises(Refused):
            reader(OBJECT[:cut])
        return

    audio = reader(OBJECT[:cut])

    whole = (cut - PREFIX) // SEALED_CHUNK
    if cut == len(OBJECT):
        assert (audio.ending, audio.loose, everything(audio)) == ("sealed", 0, AUDIO)
    else:
        assert everything(audio) == AUDIO[: whole * CHUNK]
        assert (audio.ending, audio.loose) == ("cut", (cut - PREFIX) % SEALED_CHUNK)


@given(at=st.integers(0, len(OBJECT) - 1), bit=st.integers(0, 7))
@example(PREFIX - 1, 0)
@example(PREFIX, 0)
@example(PREFIX + SEALED_CHUNK - 1, 7)
@example(len(OBJECT) - 1, 7)
def test_a_flipped_bit_is_refused_or_costs_its_chunk_and_nothing_else(at: int, bit: int) -> None:
    changed = bytearray(OBJECT)
    changed[at] ^= 1 << bit
    if at < PREFIX:
        with pytest.raises(Refused):
            reader(bytes(changed))
        return

    audio = reader(bytes(changed))

    chunk = (at - PREFIX) // SEALED_CHUNK
    if chunk == 3:
        assert (audio.ending, everything(audio)) == ("cut", AUDIO[: 3 * CHUNK])
        return
    start, stop = chunk * CHUNK, (chunk + 1) * CHUNK
    found = audio.salvage(0, audio.length)
    assert (audio.ending, found.damaged) == ("sealed", (chunk,))
    assert found.plain == AUDIO[:start] + bytes(CHUNK) + AUDIO[stop:]
    with pytest.raises(Damaged) as told:
        audio.read(stop - 1, stop + 1)
    assert told.value.chunks == (chunk,)
    assert audio.read(stop, audio.length) == AUDIO[stop:]
    assert audio.damaged_chunks() == (chunk,)


@given(data=st.binary(max_size=300), keep=st.integers(0, len(OBJECT)))
def test_foreign_bytes_are_refused_or_never_read_as_audio(data: bytes, keep: int) -> None:
    try:
        audio = reader(OBJECT[:keep] + data)
    except Refused:
        return

    found = audio.salvage(0, audio.length)
    assert AUDIO.startswith(found.plain)


def test_what_the_library_decrypts_is_what_we_read() -> None:
    head = OBJECT[: PREFIX - 56]
    context = b"listen_server/lsv1/audio\0" + hashlib.sha256(head).digest()
    library = Cobblestone256Decryptor(KEY, context)

    assert library.update(OBJECT[PREFIX - 56 :]) + library.finalize() == everything(reader(OBJECT))


def test_blocks_that_a_disk_never_wrote_end_the_audio_before_them() -> None:
    whole = PREFIX + SEALED_CHUNK

    audio = reader(OBJECT[:whole] + bytes(5 * SEALED_CHUNK + 7))

    assert everything(audio) == AUDIO[:CHUNK]
    assert audio.loose == 5 * SEALED_CHUNK + 7


def test_a_store_that_gives_less_than_its_size_damages_and_never_shifts() -> None:
    short = Bytes(OBJECT[: PREFIX + 2 * SEALED_CHUNK + 300])

    audio = BodyReader(short.read, len(OBJECT), KEY, message=MESSAGE, part=0)

    assert audio.ending == "cut"
    assert everything(audio) == AUDIO[: 2 * CHUNK]


def test_more_chunks_than_there_are_nonces_for_are_refused() -> None:
    with pytest.raises(Refused):
        BodyReader(Bytes(OBJECT).read, PREFIX + 2**38 * SEALED_CHUNK, KEY, message=MESSAGE, part=0)


def test_an_object_is_read_whole_without_reading_it_at_once() -> None:
    source = Bytes(sealed(bytes(130 * CHUNK)))
    audio = reader(source)
    source.reads.clear()

    assert audio.damaged_chunks() == ()

    assert [length // SEALED_CHUNK for _, length in source.reads] == [64, 64, 2]


def test_the_audio_of_another_message_is_not_given_out_with_its_own_key() -> None:
    with pytest.raises(Refused, match="another message"):
        BodyReader(Bytes(OBJECT).read, len(OBJECT), KEY, message=MESSAGE, part=1)


def test_nothing_secret_shows() -> None:
    writer, audio = BodyWriter(KEY, header()), reader(OBJECT)

    for shown in (repr(writer), repr(audio), str(vars(writer)), str(vars(audio))):
        assert KEY.hex() not in shown
        assert repr(KEY)[2:-1] not in shown
    assert LONGEST_PREFIX == 8 + 1024 + 56

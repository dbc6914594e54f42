import random
from itertools import pairwise

import lsv1_spec
import pytest
from cryptography.exceptions import AlreadyFinalized
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sealed_audio import KEY, MESSAGE, everything, header, reader

from listen_sinks.voicemail.lsv1 import (
    CHUNK,
    LONGEST_TAIL,
    SEALED_CHUNK,
    BodyWriter,
    new_message_key,
    read_header,
)

AUDIO = random.Random(7).randbytes(2 * CHUNK + 9000)  # noqa: S311 - audio, not a key
sizes = st.lists(st.integers(0, 9000) | st.sampled_from([320, CHUNK - 1, CHUNK, CHUNK + 1]))


def pieces(sizes_of: list[int]) -> list[bytes]:
    """Cut the audio into pieces of these sizes, as far as it goes."""
    ends = [0]
    for size in sizes_of:
        ends.append(min(ends[-1] + size, len(AUDIO)))
    return [AUDIO[start:stop] for start, stop in pairwise(ends)]


@given(sizes_of=sizes)
@example([CHUNK, CHUNK])
@example([])
def test_however_the_audio_comes_the_object_is_the_same_audio(sizes_of: list[int]) -> None:
    writer = BodyWriter(KEY, header())

    body = [writer.update(piece) for piece in pieces(sizes_of)]
    data = writer.prefix + b"".join(body) + writer.finalize()

    plain = b"".join(pieces(sizes_of))
    assert everything(reader(data)) == plain
    assert lsv1_spec.read(data, KEY, MESSAGE, 0).plain == plain


def test_a_chunk_is_given_out_with_the_byte_that_fills_it() -> None:
    writer = BodyWriter(KEY, header())

    assert writer.update(AUDIO[: CHUNK - 1]) == b""
    assert len(writer.update(AUDIO[CHUNK - 1 : CHUNK])) == SEALED_CHUNK
    assert writer.tail() == b""


@given(
    sizes_of=sizes,
    dies_after=st.floats(0, 1),
    torn=st.floats(0, 1),
    kept=st.lists(st.floats(0, 1), max_size=4),
)
@settings(max_examples=200)
def test_whatever_was_written_when_a_process_died_is_read_as_the_beginning(
    sizes_of: list[int], dies_after: float, torn: float, kept: list[float]
) -> None:
    writer = BodyWriter(KEY, header())
    written, tails = writer.prefix, [b""]
    for piece in pieces(sizes_of):
        written += writer.update(piece)
        tails.append(writer.tail())
    written += writer.finalize()
    survives = len(writer.prefix) + round(dies_after * (len(written) - len(writer.prefix)))
    records = [tails[round(at * (len(tails) - 1))] for at in kept]
    records += [record[: round(torn * len(record))] for record in records]

    audio = reader(written[:survives], tails=tuple(records))

    found = everything(audio)
    sent = b"".join(pieces(sizes_of))
    assert sent.startswith(found)
    assert len(found) >= (survives - len(writer.prefix)) // SEALED_CHUNK * CHUNK
    if survives == len(written):
        assert (audio.ending, found) == ("sealed", sent)


def test_with_its_newest_tail_a_call_that_dies_loses_only_what_came_after_it() -> None:
    writer = BodyWriter(KEY, header())
    written = writer.prefix + writer.update(AUDIO[:20000])
    older, _ = writer.tail(), writer.update(AUDIO[20000:24000])
    newest, _ = writer.tail(), writer.update(AUDIO[24000:24320])

    for tails in ((older, newest), (newest, older)):
        audio = reader(written, tails=tails)
        assert everything(audio) == AUDIO[:24000]
        assert (audio.ending, audio.from_tail) == ("cut", 24000 - CHUNK)


def test_a_tail_is_never_longer_than_it_says_a_spool_must_allow_for() -> None:
    writer = BodyWriter(KEY, header())

    writer.update(AUDIO[: CHUNK - 1])

    assert len(writer.tail()) == LONGEST_TAIL


def test_asking_for_the_tail_twice_gives_the_same_record() -> None:
    writer = BodyWriter(KEY, header())
    writer.update(AUDIO[:500])

    assert writer.tail() == writer.tail()


def test_no_two_tails_of_a_call_share_their_nonce() -> None:
    writer = BodyWriter(KEY, header())
    nonces = []
    for at in range(0, len(AUDIO), 160):
        writer.update(AUDIO[at : at + 160])
        nonces += [writer.tail()[:12]] if writer.tail() else []

    assert len(set(nonces)) == len(nonces)


def test_no_two_objects_of_the_same_audio_look_alike() -> None:
    assert BodyWriter(KEY, header()).prefix[-56:] != BodyWriter(KEY, header()).prefix[-56:]
    assert new_message_key() != new_message_key()


def test_after_its_end_a_writer_takes_nothing_more() -> None:
    writer = BodyWriter(KEY, header())
    writer.update(AUDIO[:100])
    writer.finalize()

    assert writer.tail() == b""
    with pytest.raises(AlreadyFinalized):
        writer.update(b"more")


def test_the_audio_is_not_in_the_object() -> None:
    writer = BodyWriter(KEY, header())
    data = writer.prefix + writer.update(AUDIO) + writer.tail() + writer.finalize()

    assert not any(AUDIO[at : at + 8] in data for at in range(0, len(AUDIO) - 8, 97))


def test_a_key_of_another_length_is_no_key() -> None:
    with pytest.raises(ValueError, match="32"):
        BodyWriter(KEY[:16], header())


def test_the_prefix_says_what_the_object_is() -> None:
    writer = BodyWriter(KEY, header(part=3))

    assert read_header(writer.prefix) == (header(part=3), len(writer.prefix))

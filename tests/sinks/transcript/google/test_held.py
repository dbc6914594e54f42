from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import AudioBlock
from listen_sinks.transcript.google.held import Chunk, HeldAudio

RATE = 8000
STEP = 800  # frames of a chunk


def held(channels: int = 1) -> HeldAudio:
    return HeldAudio(RATE, channels)


def chunk(value: int = 1, channels: int = 1) -> AudioBlock:
    return np.full((channels, STEP), value, np.int16)


def rest(audio: HeldAudio) -> Iterator[Chunk]:
    while audio.waiting:
        yield audio.next()


def test_what_no_final_result_covers_is_sent_again_in_another_stream() -> None:
    audio = held()
    for value in range(1, 6):
        audio.add(chunk(value), [True])
    list(rest(audio))

    audio.heard(0, 2 * STEP)
    audio.rewind()

    assert [one.start for one in rest(audio)] == [2 * STEP, 3 * STEP, 4 * STEP]


def test_a_chunk_that_is_covered_by_half_comes_again_with_silence_in_its_place() -> None:
    audio = held()
    audio.add(chunk(7), [True])
    audio.next()

    audio.heard(0, 300)
    audio.rewind()
    again = audio.next()

    assert (again.start, again.frames) == (0, STEP)
    assert again.data == bytes(600) + b"\7\0" * (STEP - 300)


def test_a_channel_that_is_covered_is_silent_where_the_other_needs_the_audio_again() -> None:
    audio = held(2)
    for _ in range(3):
        audio.add(np.array([[1] * STEP, [2] * STEP], np.int16), [True, True])
    list(rest(audio))

    audio.heard(0, 2 * STEP)
    audio.rewind()
    again = b"".join(one.data for one in rest(audio))

    assert again == (b"\0\0" + b"\2\0") * 2 * STEP + (b"\1\0" + b"\2\0") * STEP


def test_silence_is_forgotten_but_for_what_leads_in() -> None:
    audio = held()
    for _ in range(100):
        audio.add(chunk(), [False])

    assert not audio.speech
    assert 0.3 <= audio.seconds <= 0.5

    audio.add(chunk(), [True])
    audio.rewind()
    assert audio.speech
    assert audio.next().start <= 10_000 * 8 - 0.3 * RATE


def test_silence_after_words_that_have_no_final_result_is_kept() -> None:
    audio = held()
    audio.add(chunk(), [True])
    for _ in range(20):
        audio.add(chunk(), [False])

    assert audio.seconds == 2.1
    assert audio.speech


def test_a_party_that_is_silent_holds_nothing_while_the_other_is_heard() -> None:
    audio = held(2)
    audio.add(chunk(channels=2), [False, True])
    for number in range(1, 200):
        audio.add(chunk(channels=2), [True, False])
        list(rest(audio))
        if number % 10 == 0:
            audio.heard(0, number * STEP)

    assert audio.seconds < 8


def test_what_a_stream_ended_with_is_covered_and_the_rest_is_not() -> None:
    audio = held()
    for _ in range(5):
        audio.add(chunk(), [True])
    audio.next()
    audio.next()

    audio.heard_all()
    audio.rewind()

    assert audio.next().start == 2 * STEP
    assert audio.covered == [2 * STEP]


def test_silence_that_came_while_an_answer_was_awaited_is_let_go_with_it() -> None:
    audio = held()
    audio.add(chunk(), [True])
    audio.next()
    for _ in range(100):
        audio.add(chunk(), [False])

    audio.heard_all()

    assert audio.unsent <= 0.4
    assert not audio.speech


def test_a_new_stream_begins_shortly_before_somebody_speaks_again() -> None:
    audio = held()
    for number in range(100):
        audio.add(chunk(), [number in (0, 80)])
    audio.next()
    audio.heard_all()

    audio.rewind()

    assert audio.next().start == 77 * STEP


def test_silence_is_that_of_what_was_sent_whatever_waits() -> None:
    audio = held()
    for loud in (True, False, False, False, True):
        audio.add(chunk(), [loud])

    silences = []
    for _ in range(5):
        audio.next()
        silences.append(audio.silence)

    assert silences == [0, 0.1, 0.2, 0.3, 0]


def test_how_much_waits_and_how_much_has_no_answer_is_told_in_seconds() -> None:
    audio = held()
    for _ in range(10):
        audio.add(chunk(), [True])
    for _ in range(4):
        audio.next()

    assert (audio.unsent, audio.unanswered, audio.seconds) == (0.6, 0.4, 1.0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.booleans()),
            st.tuples(st.just("send"), st.booleans()),
            st.tuples(st.just("heard"), st.integers(0, 40)),
            st.tuples(st.just("all"), st.booleans()),
            st.tuples(st.just("fault"), st.booleans()),
        ),
        max_size=80,
    )
)
def test_no_loud_sample_is_lost_or_comes_again_after_its_final_result(
    steps: list[tuple[str, int]],
) -> None:
    audio = held()
    loud: set[int] = set()
    sent: set[int] = set()  # since it was last uncovered
    covered = count = 0
    for what, value in steps:
        if what == "add":
            audio.add(chunk(), [bool(value)])
            loud |= {count} if value else set()
            count += 1
        elif what == "send" and audio.waiting:
            one = audio.next()
            number = one.start // STEP
            silent = not one.block.any()
            assert silent == (number < covered) or number not in loud
            sent.add(number)
        elif what == "heard":
            end = min(value, audio.sent // STEP)
            audio.heard(0, end * STEP)
            covered = max(covered, end)
        elif what == "all":
            audio.heard_all()
            covered = max(covered, audio.sent // STEP)
        elif what == "fault":
            audio.rewind()
    audio.rewind()
    left = {one.start // STEP for one in rest(audio)}

    assert {number for number in loud if number >= covered} <= left

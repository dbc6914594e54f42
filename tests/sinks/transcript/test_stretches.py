"""Speech is cut at pauses, nothing of it is lost, and silence is not kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.transcript.stretches import LEAST, MARGIN, MOST, PAUSE, RATE, Stretches
from listen_sinks.transcript.voice import LEAST_SPEECH, WINDOW

FRAMES = round(WINDOW * RATE)


def cut(spoken: list[bool], at_once: int = 7) -> list[tuple[float, np.ndarray]]:
    stretches = Stretches()
    samples = np.repeat(np.arange(len(spoken)) % 32767, FRAMES).astype(np.int16)
    windows = np.array(spoken, np.bool_)
    found = []
    for start in range(0, len(spoken), at_once):
        stop = start + at_once
        found += stretches.feed(samples[start * FRAMES : stop * FRAMES], windows[start:stop])
    return [(one.start, one.samples) for one in found + stretches.end()]


def windows(seconds: float, *, speech: bool) -> list[bool]:
    return [speech] * round(seconds / WINDOW)


RUNS = st.lists(st.tuples(st.booleans(), st.floats(0.02, 25)), max_size=10)


@given(runs=RUNS, at_once=st.integers(1, 90))
def test_every_word_is_in_one_stretch_in_order_and_none_is_too_long(
    runs: list[tuple[bool, float]], at_once: int
) -> None:
    spoken = [one for speech, seconds in runs for one in windows(seconds, speech=speech)]
    found = cut(spoken, at_once)

    at = 0.0
    covered = np.zeros(len(spoken), np.bool_)
    for start, samples in found:
        assert start >= at - 1e-9
        at = start + samples.size / RATE
        assert samples.size / RATE <= MOST + 1e-9
        first = round(start / WINDOW)
        assert samples[0] == first % 32767
        covered[first : first + samples.size // FRAMES] = True
    least = round(LEAST_SPEECH / WINDOW)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.array(spoken, np.int8), [0]])))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin >= 2 * least:  # what is shorter may be split by a border, and be no speech
            assert covered[begin + least : end - least].all()


def test_a_stretch_ends_with_a_pause_once_it_is_long_enough() -> None:
    talk = windows(5, speech=True) + windows(1, speech=False)
    found = cut(talk * 4)
    assert len(found) == 2
    assert LEAST <= found[0][1].size / RATE <= LEAST + 7


def test_silence_in_front_of_speech_is_left_out_but_for_a_margin() -> None:
    ((start, samples),) = cut(windows(30, speech=False) + windows(2, speech=True))
    assert 30 - MARGIN - 0.2 <= start <= 30
    assert samples.size / RATE <= 2 + MARGIN + 0.2


def test_who_never_pauses_is_cut_anyway() -> None:
    found = cut(windows(130, speech=True))
    assert [round(samples.size / RATE) for _, samples in found] == [60, 60, 10]


def test_silence_and_clicks_are_nothing() -> None:
    assert cut(windows(20, speech=False)) == []
    assert cut((windows(0.06, speech=True) + windows(1, speech=False)) * 5) == []
    assert PAUSE > LEAST_SPEECH

"""Gaps against a model of what makes and hides them: packets, a line that holds, reads in ticks."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_server.gaps import SMALLEST, GapMeter
from listen_sinks.api import Gap

TICK = 0.1  # seconds between two reads
PACKET = 0.02  # seconds of audio
ABOUT = TICK + 2 * PACKET  # what reading in ticks leaves uncertain

Packet = tuple[float, float]  # when it comes, seconds of audio


def talk(start: float, seconds: float, *, speed: float = 1.0) -> list[Packet]:
    """Send audio evenly: one packet at the end of each 20 ms, or faster."""
    return [(start + n * PACKET / speed, PACKET) for n in range(1, round(seconds / PACKET) + 1)]


def hold(packets: Iterable[Packet], begin: float, end: float) -> list[Packet]:
    """Let the line stand still for a while; what is under way comes when it moves again."""
    return [(end if begin <= when < end else when, seconds) for when, seconds in packets]


def lose(packets: Iterable[Packet], begin: float, end: float) -> list[Packet]:
    return [packet for packet in packets if not begin <= packet[0] < end]


def squeeze(packets: Iterable[Packet], begin: float, speed: float) -> list[Packet]:
    """From some time on, let no more through than a line of that speed can carry."""
    squeezed, free = [], 0.0
    for when, seconds in packets:
        free = max(when, free + seconds / speed) if when >= begin else when
        squeezed.append((free, seconds))
    return squeezed


def read(
    packets: Sequence[Packet], *, tick: float = TICK, frozen: tuple[float, float] = (0.0, 0.0)
) -> tuple[GapMeter, list[Gap]]:
    """Feed a meter as the endpoint does: all that has come, once per tick."""
    meter, found = GapMeter(), []
    waiting, now = sorted(packets, key=lambda packet: packet[0]), 0.0
    position = 0
    while position < len(waiting):
        now = max(now + tick, tick * math.floor(waiting[position][0] / tick))
        if frozen[0] <= now < frozen[1]:
            now = frozen[1]
        first = position
        while position < len(waiting) and waiting[position][0] <= now:
            position += 1
        if came := sum(seconds for _, seconds in waiting[first:position]):
            gap = meter.received(came, now)
            found += [gap] if gap else []
    return meter, found


def end(meter: GapMeter, now: float) -> list[Gap]:
    meter.ended(now)
    return meter.gaps


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0, 60.0, 3600.0])
@pytest.mark.parametrize("tick", [0.02, 0.1, 0.25])
def test_a_pause_is_one_gap_of_its_length_in_its_place(seconds: float, tick: float) -> None:
    meter, found = read([*talk(0, 10), *talk(10 + seconds, 10)], tick=tick)

    (gap,) = end(meter, 20 + seconds)
    assert found == [gap]
    assert gap.at == pytest.approx(10, abs=ABOUT)
    assert gap.seconds == pytest.approx(seconds, abs=tick + 2 * PACKET)
    assert gap.reason == "not received"


def test_each_of_several_pauses_is_a_gap() -> None:
    meter, _ = read([*talk(0, 10), *talk(12, 10), *talk(25, 10), *talk(40, 10)])

    gaps = end(meter, 50)
    assert [gap.at for gap in gaps] == pytest.approx([10, 20, 30], abs=2 * ABOUT)
    assert [gap.seconds for gap in gaps] == pytest.approx([2, 3, 5], abs=2 * ABOUT)


def test_a_gap_is_known_some_seconds_after_the_audio_is_back() -> None:
    meter, found = read([*talk(0, 10), *talk(13, 3)])

    assert [gap.seconds for gap in found] == pytest.approx([3], abs=ABOUT)
    assert end(meter, 16) == found


def test_a_pause_until_the_end_is_a_gap() -> None:
    meter, found = read(talk(0, 10))

    assert not found
    (gap,) = end(meter, 17)
    assert (gap.at, gap.seconds) == pytest.approx((10, 7), abs=ABOUT)


def test_a_pause_shortly_before_the_end_is_a_gap() -> None:
    meter, _ = read([*talk(0, 10), *talk(14, 0.5)])

    (gap,) = end(meter, 14.6)
    assert (gap.at, gap.seconds) == pytest.approx((10, 4), abs=ABOUT)


@pytest.mark.parametrize("tail", [0.0, 0.1, 0.5, 1.0, 1.2])
@pytest.mark.parametrize("tick", [0.02, 0.1, 1.0])
def test_the_silence_of_hanging_up_is_no_gap(tail: float, tick: float) -> None:
    meter, _ = read(talk(0, 10), tick=tick)

    assert not end(meter, 10 + tail)


def test_a_stream_without_audio_has_no_gap() -> None:
    assert not end(GapMeter(), 1000)


def test_a_call_in_order_has_no_gap_at_any_tick() -> None:
    for tick in (0.02, 0.1, 0.5, 1.0):
        meter, found = read(talk(0, 60), tick=tick)

        assert not found
        assert not end(meter, 60)


def test_jitter_is_no_gap() -> None:
    chance = random.Random(1)  # noqa: S311 - the same jitter each time
    jittered = [(when + chance.uniform(0, 0.2), seconds) for when, seconds in talk(0, 120)]

    meter, found = read(jittered)

    assert not found
    assert not end(meter, 120)


@pytest.mark.parametrize("backlog", [0.3, 1.0, 2.0, 5.0])
def test_audio_that_comes_late_is_no_gap(backlog: float) -> None:
    meter, found = read(hold(talk(0, 30), 10, 10 + backlog))

    assert not found
    assert not end(meter, 30)


@pytest.mark.parametrize("speed", [1.3, 2.0, 4.0])
def test_a_backlog_that_a_slow_line_catches_up_is_no_gap(speed: float) -> None:
    meter, found = read(squeeze(hold(talk(0, 40), 10, 15), 15, speed))

    assert not found
    assert not end(meter, 40)


def test_a_reader_that_stood_still_for_ten_seconds_finds_no_gap_in_what_waited() -> None:
    meter, found = read(talk(0, 40), frozen=(10, 20))

    assert not found
    assert not end(meter, 40)


def test_a_reader_that_stood_still_finds_what_was_lost_meanwhile() -> None:
    meter, _ = read(lose(talk(0, 40), 14, 20), frozen=(10, 20))

    (gap,) = end(meter, 40)
    assert gap.seconds == pytest.approx(6, abs=ABOUT)
    assert gap.at == pytest.approx(10, abs=ABOUT)  # four later seconds came at once


def test_an_overrun_behind_a_stall_is_a_gap_of_what_was_lost() -> None:
    meter, found = read(hold(lose(talk(0, 40), 14, 16), 10, 16))

    (gap,) = found
    assert gap.seconds == pytest.approx(2, abs=ABOUT)
    assert end(meter, 40) == [gap]


@pytest.mark.parametrize("seconds", [0.5, 2.0, 9.0])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_burst_at_the_start_is_no_gap_and_hides_none(seconds: float, pieces: int) -> None:
    burst = [(0.01 * n, seconds / pieces) for n in range(pieces)]

    meter, _ = read([*burst, *talk(0.1, 10), *talk(14.1, 10)])

    (gap,) = end(meter, 24.1)
    assert gap.seconds == pytest.approx(4, abs=ABOUT)
    assert gap.at == pytest.approx(10 + seconds, abs=ABOUT)


@pytest.mark.parametrize("parts_per_million", [-100, 100])
def test_an_hour_of_two_clocks_that_part_has_no_gap(parts_per_million: int) -> None:
    meter, found = read(talk(0, 3600, speed=1 + parts_per_million / 1e6))

    assert not found
    assert not end(meter, 3600 + 0.36)


def test_a_gap_keeps_its_length_over_an_hour_of_jitter() -> None:
    chance = random.Random(2)  # noqa: S311 - the same jitter each time
    sent = [*talk(0, 10), *talk(13, 3600)]
    meter, _ = read([(when + chance.uniform(0, 0.15), seconds) for when, seconds in sent])

    (gap,) = end(meter, 3613.1)
    assert gap.seconds == pytest.approx(3, abs=0.2)


def test_a_loss_of_one_percent_is_counted_in_the_end() -> None:
    sent = [packet for n, packet in enumerate(talk(0, 600)) if n % 100]

    meter, _ = read(sent)

    assert sum(gap.seconds for gap in end(meter, 600)) == pytest.approx(6, abs=2 * SMALLEST)


@pytest.mark.parametrize("speed", [1.2, 1.5, 2, 3.3, 4, 5, 10, 100])
def test_a_sender_faster_than_real_time_has_no_gap(speed: float) -> None:
    meter, found = read(hold(talk(0, 300, speed=speed), 1, 2))

    assert not found
    assert not end(meter, max(2.0, 300 / speed))


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        (16000, 8000),
        (64000, 8000),
        (48000, 16000),
        (24000, 16000),
        (2 * 8000, 8000),  # mono taken for stereo
        (8000, 2 * 8000),  # stereo taken for mono
        (8000, 16000),
        (8000, 48000),
        (2 * 64000, 8000),
        (48000, 64000),
    ],
)
@pytest.mark.parametrize("seconds", [4, 12])
def test_audio_at_another_rate_than_declared_is_flagged_and_has_no_gap(
    declared: int, real: int, seconds: int
) -> None:
    sent = [(when, PACKET * real / declared) for when, _ in talk(0, seconds)]
    meter, found = read(hold(sent, 0.5, 0.7))

    assert not found
    assert not end(meter, seconds)
    assert meter.rate_mismatch


def test_a_rate_is_judged_when_audio_comes_evenly_at_last() -> None:
    stutter = [packet for n in range(6) for packet in talk(n * 0.9, 0.5)]
    sent = [*stutter, *talk(6, 10)]

    meter, _ = read([(when, seconds / 2) for when, seconds in sent])

    assert meter.rate_mismatch


@pytest.mark.parametrize("tick", [0.02, 0.1, 1.0])
def test_audio_at_the_declared_rate_is_never_flagged(tick: float) -> None:
    meter, _ = read([*talk(0, 3), *talk(4, 3), *talk(7.7, 20)], tick=tick)

    end(meter, 28)
    assert not meter.rate_mismatch


def test_a_call_of_words_and_pauses_is_not_taken_for_another_rate() -> None:
    sent = [packet for n in range(12) for packet in talk(n * 12, 1)]

    meter, _ = read(sent)

    gaps = end(meter, 12 * 12)
    assert not meter.rate_mismatch
    assert sum(gap.seconds for gap in gaps) == pytest.approx(12 * 11, abs=ABOUT)


def test_a_gap_is_taken_back_when_its_audio_comes_after_all() -> None:
    sent = hold([*talk(0, 10)], 5, 10)  # five seconds that come with everything else
    late = [(20.0, seconds) for when, seconds in sent if when == 10]
    meter, found = read([*talk(0, 5), *talk(10, 20), *late])

    assert len(found) == 1
    assert not end(meter, 30)


def test_audio_ahead_of_the_clock_is_told() -> None:
    meter = GapMeter()
    assert meter.ahead(5.0) == 0

    meter.received(3.0, 5.0)

    assert meter.ahead(5.0) == pytest.approx(3.0)
    assert meter.ahead(10.0) == pytest.approx(-2.0)


arrivals = st.lists(
    st.tuples(
        st.one_of(st.floats(0.0, 0.2), st.floats(0.0, 8.0)),  # seconds until it comes
        st.one_of(st.just(0.1), st.floats(0.0001, 0.3), st.floats(0.0001, 6.0)),  # of audio
    ),
    min_size=1,
    max_size=120,
)


@given(arrivals, st.floats(0.0, 30.0))
@settings(deadline=None)
def test_no_pattern_of_arrival_makes_gaps_longer_than_what_is_missing(
    pattern: list[Packet], tail: float
) -> None:
    meter, now, most_ahead = GapMeter(), 0.0, 0.0
    for pause, seconds in pattern:
        now += pause
        meter.received(seconds, now)
        most_ahead = max(most_ahead, meter.ahead(now))
    meter.ended(now + tail)

    missing = -meter.ahead(now + tail) + most_ahead
    assert sum(gap.seconds for gap in meter.gaps) <= missing + 0.1 + 0.001 * (now + 1)
    assert all(gap.seconds >= SMALLEST for gap in meter.gaps)
    places = [gap.at for gap in meter.gaps]
    assert places == sorted(places)
    assert all(0 <= place <= meter.media + 0.001 for place in places)


pauses = st.lists(
    st.tuples(st.floats(4.0, 10.0), st.floats(0.6, 20.0)),  # seconds of talk, then of pause
    min_size=1,
    max_size=5,
)


@given(pauses, st.integers(0, 2**32))
@settings(deadline=None)
def test_any_pauses_are_told_whatever_the_jitter(
    pattern: list[tuple[float, float]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same jitter each time
    sent: list[Packet] = []
    now = 0.0
    for speech, pause in pattern:
        sent += talk(now, speech)
        now += speech + pause
    sent += talk(now, 5)

    meter, _ = read([(when + chance.uniform(0, 0.05), seconds) for when, seconds in sent])

    gaps = end(meter, now + 5)
    assert [gap.seconds for gap in gaps] == pytest.approx([p for _, p in pattern], abs=2 * ABOUT)
    told, positions = 0.0, []
    for speech, _ in pattern:
        told += speech
        positions.append(told)
    assert [gap.at for gap in gaps] == pytest.approx(positions, abs=0.3)


holds = st.lists(st.tuples(st.floats(0.5, 10.0), st.floats(0.1, 5.0)), max_size=6)


@given(holds)
@settings(deadline=None)
def test_nothing_that_comes_late_is_ever_a_gap(pattern: list[tuple[float, float]]) -> None:
    sent, now = talk(0, 100), 0.0
    for quiet, held in pattern:
        now += quiet
        sent = hold(sent, now, now + held)
        now += held
    assert all(a[0] <= b[0] for a, b in pairwise(sent))

    meter, found = read(sent)

    assert not found
    assert not end(meter, 100)

"""Aims: what is compared with what, and what is said of it."""

from dataclasses import replace
from typing import Any

from benchmarks.aims import (
    Aim,
    of_away,
    of_delay,
    of_ending,
    of_hooks,
    of_one_core,
    of_range,
    of_receiving,
    of_slow_syncs,
    of_sockets,
    of_voicemail,
    summary,
)
from benchmarks.applications import Asked, Held
from benchmarks.away import Beside
from benchmarks.contenders import DISCARD, RECORDING, STOCK, THROTTLED, VOICEMAIL, Contender
from benchmarks.ending import Ended
from benchmarks.load import Plan
from benchmarks.range_read import RangeRead
from benchmarks.runs import Result, Unplaced

PLAN = Plan(500)
QUIET = Result(
    server="any",
    plan=PLAN,
    cpu=10.0,
    core=0.25,
    rss=40.0,
    delay_p50=60.0,
    delay_p99=110.0,
    lag_p99=1.0,
    lost=0.0,
    lost_calls=0,
    late_p99=50.0,
    backlog=0,
    waited=0.0,
    others=0.0,
)
ENDED = Ended("voicemail", 50, 300, 2.5, 115.0, 8.0, 12.0, 0.0, 0, 40.0, 0.01, 0.0)


def of(server: Contender, **changes: Any) -> Result:
    """Make a result."""
    return replace(QUIET, server=server.name, **changes)


def verdicts(aims: list[Aim]) -> dict[str, str]:
    """Return what is said of each aim."""
    return {aim.what: aim.verdict for aim in aims}


def test_costs_are_compared_with_the_untouched_server_of_the_same_round() -> None:
    rounds = [
        of(server, cpu=cost * noise)
        for noise in (1, 3, 10)  # a machine that becomes slower changes no ratio
        for server, cost in [(STOCK, 20), (THROTTLED, 12), (DISCARD, 4), (RECORDING, 9)]
    ]

    found = {aim.what: aim.measured for aim in of_receiving(rounds)}

    assert found["CPU, mono: throttled / untouched"] == 0.6
    assert found["CPU, mono: our class / untouched"] == 0.2
    assert found["CPU, mono: recording adds / untouched"] == 0.25


def test_the_median_round_counts() -> None:
    rounds = [
        of(server, cpu=cost)
        for ours in (2, 3, 19)
        for server, cost in [(STOCK, 20), (DISCARD, ours)]
    ]

    assert of_receiving(rounds)[1].measured == 0.15


def test_a_server_that_failed_in_one_round_is_not_compared_with_another_round() -> None:
    rounds = [
        Unplaced(STOCK.name, PLAN, "0 of 500 calls could be placed"),
        of(DISCARD, cpu=100),
        of(STOCK, cpu=20),
        of(DISCARD, cpu=5),
    ]

    assert of_receiving(rounds)[1].measured == 0.25


def test_an_aim_is_met_or_missed_by_so_much_or_not_measured() -> None:
    assert Aim("a ratio", 0.25, 0.254, 2).verdict == "met"
    assert Aim("a ratio", 0.25, 0.331, 2).verdict == "missed by 0.08"
    assert Aim("a bound", 120, 222.2).verdict == "missed by 102"
    assert Aim("a bound", 120, None).verdict == "not measured"


def test_calls_that_cannot_be_placed_miss_the_aim_and_say_why() -> None:
    why = "1990 of 3000 calls could be placed"
    unplaced = [Unplaced(DISCARD.name, Plan(3000, one_core=True), why)]

    assert verdicts(of_one_core(unplaced)) == {
        "3000 mono calls on one core: frames and calls lost": f"missed: {why}"
    }
    assert verdicts(of_delay(unplaced))["3000 mono calls: p99 to sink, ms"] == f"missed: {why}"


def test_one_lost_frame_in_any_round_misses_the_aim() -> None:
    rounds = [of(DISCARD), of(DISCARD, lost=1.0), of(DISCARD)]

    (aim,) = of_one_core(rounds)

    assert (aim.measured, aim.verdict) == (1, "missed by 1")


def test_voicemail_is_what_it_adds_to_discard() -> None:
    rounds = [
        of(STOCK, cpu=20.0),
        of(DISCARD, cpu=5.0, rss=40.0),
        of(VOICEMAIL, cpu=11.0, rss=90.0),
    ]

    cost, memory, lost = of_voicemail(rounds)

    assert (cost.measured, cost.verdict) == (0.3, "missed by 0.05")
    assert (memory.measured, memory.verdict) == (50, "met")
    assert lost.verdict == "met"


def test_a_loop_that_is_late_while_syncs_are_slow_misses_the_aim() -> None:
    lag, lost = of_slow_syncs([of(VOICEMAIL, lag_p99=31.5)])

    assert (lag.verdict, lost.verdict) == ("missed by 11.5", "met")


def test_live_calls_beside_those_that_end_have_aims_of_their_own() -> None:
    lag, delay, lost = of_ending([ENDED, replace(ENDED, delay_p99=141.0, lost=2.0), ENDED])

    assert (lag.verdict, delay.verdict, lost.verdict) == ("met", "met", "missed by 2")


def test_an_engine_that_is_away_is_compared_with_a_healthy_one_of_the_same_round() -> None:
    beside = Beside("healthy", 200, 40.0, 90.0, 0.5, 10.0, 0.0, 0.0)
    rounds = [
        replace(beside, engine=engine, cpu=cpu * noise, delay_p99=p99 * noise, lost=lost)
        for noise in (1, 5, 2)
        for engine, cpu, p99, lost in [
            ("none", 8, 2, 0.0),
            ("healthy", 40, 10, 0.0),
            ("dead", 20, 2, 3.0),
            ("hanging", 60, 5, 0.0),
        ]
    ]

    found = of_away(rounds)

    assert [aim.measured for aim in found] == [0.5, 0.2, 1.5, 0.5, 3.0]
    assert [aim.verdict for aim in found][2:] == ["missed by 0.50", "met", "missed by 3"]


def test_hooks_have_a_bound_for_each_way_to_ask_and_sockets_one_for_each() -> None:
    asked = Asked("webhooks", 200, 2.0, 8.0, 0, 1.0, 50.0, 0.0)
    held = Held(1000, 70.5, 1, 0.0)

    hooks = of_hooks([asked, replace(asked, transport="websocket", p99=12.0, wrong=1)])
    sockets = of_sockets([held])

    assert [one.verdict for one in hooks] == ["met", "missed by 2.0", "missed by 1"]
    assert [one.verdict for one in sockets] == ["missed by 10.5", "missed by 1"]


def test_a_range_that_reads_too_much_misses_the_aim() -> None:
    (aim,) = of_range([RangeRead(3600.0, 115_000_000, 32_000, 110 * 1024, 9.0)])

    assert aim.verdict == "missed by 10.0"


def test_nothing_measured_is_said_of_every_aim() -> None:
    each = (of_receiving, of_delay, of_one_core, of_voicemail, of_slow_syncs, of_ending, of_range)
    for aims in (*each, of_away, of_sockets, of_hooks):
        assert set(verdicts(aims([])).values()) == {"not measured"}


def test_the_summary_has_a_row_for_each_aim() -> None:
    found = summary([Aim("one", 0.25, 0.2, 2), Aim("another", 64, 70)])

    assert found.splitlines() == [
        "| aim     | at most | measured |     verdict |",
        "|---------|---------|----------|-------------|",
        "| one     |    0.25 |     0.20 |         met |",
        "| another |      64 |       70 | missed by 6 |",
    ]

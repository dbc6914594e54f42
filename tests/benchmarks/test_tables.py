"""Tables of results: a row for each server, the median of its rounds."""

from dataclasses import replace

from benchmarks.load import Plan
from benchmarks.runs import Result, Unplaced
from benchmarks.tables import NOTHING, tables

RESULT = Result(
    server="ours",
    plan=Plan(500),
    cpu=5.0,
    core=0.125,
    rss=40.4,
    delay_p50=60.0,
    delay_p99=110.0,
    lag_p99=1.0,
    lost=0.0,
    lost_calls=0,
    late_p99=50.0,
    backlog=0,
    waited=0.02,
    others=0.5,
)


def cells(table: str) -> list[list[str]]:
    """Return the cells of the rows of a table, without its head."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def test_rounds_of_a_server_are_one_row_with_their_median_and_spread() -> None:
    rounds = [replace(RESULT, cpu=cost, lost=lost) for cost, lost in ((5.0, 0), (9.0, 3), (6.0, 1))]

    (row,) = cells(tables(rounds))

    assert row[:5] == ["ours", "500 mono", "6.0 (5.0-9.0)", "12", "40"]
    assert row[8] == "3"  # of what is lost, the worst


def test_servers_and_plans_have_rows_of_their_own() -> None:
    rounds = [RESULT, replace(RESULT, server="other"), replace(RESULT, plan=Plan(500, 2))]

    assert [row[:2] for row in cells(tables(rounds))] == [
        ["ours", "500 mono"],
        ["other", "500 mono"],
        ["ours", "500 stereo"],
    ]


def test_what_a_server_cannot_tell_is_left_open() -> None:
    (row,) = cells(tables([replace(RESULT, delay_p50=None, delay_p99=None, lag_p99=None)]))

    assert row[5:8] == [NOTHING] * 3


def test_a_run_that_did_not_come_about_is_told_below_the_table() -> None:
    found = tables([RESULT, Unplaced("other", Plan(3000), "7 of 3000 calls could be placed")])

    assert found.splitlines()[-1] == (
        "Not measured: other with 3000 calls: 7 of 3000 calls could be placed."
    )

"""Arms: which runs there are, in which order, and what happens if one fails."""

from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest
from benchmarks.arms import ARMS, Conditions
from benchmarks.contenders import DISCARD, STOCK, VOICEMAIL, Contender
from benchmarks.load import BenchError, Plan, Sent
from benchmarks.runs import Unplaced
from benchmarks.servers import Running


class NoLoad:
    """Is never asked to do anything, or cannot."""

    def start(self, port: int, plan: Plan) -> "Popen[str]":
        raise BenchError(f"no load for {plan.calls} calls on {port}")

    def until_steady(self, process: "Popen[str]", plan: Plan) -> None:
        raise BenchError(f"{process}, {plan}")

    def sent(self, process: "Popen[str]") -> Sent:
        raise BenchError(f"{process}")


def broken(directory: Path) -> AbstractContextManager[Running]:
    raise RuntimeError(f"the server did not start: in {directory}\nTraceback\nNameError: what")


GIVEN = Conditions(NoLoad(), Contender("in C", broken), calls=500, rounds=3, seconds=5, retries=0)


def whats(arm: str, given: Conditions = GIVEN) -> list[str]:
    """Return what an arm says that it runs."""
    return [step.what for step in ARMS[arm].steps(given)]


def test_servers_are_interleaved_round_by_round() -> None:
    one_round = [f"{server.name}, 300 calls" for server in (STOCK, DISCARD, VOICEMAIL)]

    assert whats("voicemail") == one_round * 3


def test_the_server_in_c_is_compared_where_it_could_be_built() -> None:
    assert Counter(whats("mono"))["in C, 500 calls"] == 3
    assert "in C, 500 calls" not in whats("mono", replace(GIVEN, reference=None))


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_has_runs_and_aims(arm: str) -> None:
    assert ARMS[arm].aims([])
    assert len(whats(arm)) >= 1 or arm == "one-core"


def test_a_server_that_does_not_start_is_told_and_the_next_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.arms.DISCARD", Contender("ours", broken))

    (step,) = ARMS["twice"].steps(replace(GIVEN, rounds=1))

    assert step.act() == Unplaced("ours", Plan(1000), "NameError: what")

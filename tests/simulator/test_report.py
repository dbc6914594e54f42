import io
import json

import pytest
from rich.console import Console
from rich.progress import Progress

from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order
from listen_server.simulator.playback import Command
from listen_server.simulator.report import Bars, JsonLines, bars, faults, summary

DONE = CallResult(
    ended="completed", frames=280, seconds=5.6, sha256="ab", commands=(Command("killAudio", 1.0),)
)
REFUSED = CallResult(ended="not connected", fault="nothing listens there")


def placed(count: int) -> list[SimulatedCall]:
    return Order(url="ws://h", calls=count).place()


def test_a_program_gets_one_line_of_json_per_call() -> None:
    out = io.StringIO()
    report = JsonLines(out)
    report.moved()
    report.ended(2, DONE)
    report.ended(1, REFUSED)

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["call"], line["ended"]) for line in lines] == [
        (2, "completed"),
        (1, "not connected"),
    ]
    assert lines[0]["commands"] == [{"type": "killAudio", "at": 1.0, "about": {}}]


@pytest.mark.parametrize(("calls", "shown"), [(1, 1), (8, 8), (9, 1), (50, 1)])
def test_many_calls_share_a_bar(calls: int, shown: int) -> None:
    progress = Progress(console=Console(file=io.StringIO()))
    Bars(progress, placed(calls))

    assert len(progress.tasks) == shown
    assert sum(task.total or 0 for task in progress.tasks) == pytest.approx(5.6 * calls)


def test_a_bar_stands_where_its_call_is() -> None:
    out = io.StringIO()
    calls = placed(1)
    with bars(Console(file=out, force_terminal=True, width=80), calls) as report:
        calls[0].at = 2.8
        report.moved()

    assert "2.8 of 5.6 s of audio" in out.getvalue()


def test_one_call_is_summed_up_with_what_can_be_compared() -> None:
    text = summary([DONE])

    assert "5.60 s of audio in 280 frames" in text
    assert "sha256 of the audio sent: ab" in text
    assert "the server asked for: 1 killAudio" in text


def test_many_calls_are_summed_up_by_their_ends() -> None:
    assert summary([DONE, DONE, REFUSED]) == (
        "2 completed, 1 not connected; 11.2 s of audio in 560 frames"
    )


def test_a_reason_is_given_once_however_many_calls_it_met() -> None:
    assert faults([DONE, REFUSED, REFUSED]) == ["2 of 3 calls: nothing listens there"]
    assert faults([REFUSED]) == ["nothing listens there"]
    assert faults([DONE]) == []

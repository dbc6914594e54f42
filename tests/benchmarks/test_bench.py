"""The benchmark itself: ten calls for a second. What it measures is no matter of a test."""

import shutil
import sys
from pathlib import Path

import pytest
from benchmarks.contenders import RECORDING, STOCK, VOICEMAIL, Contender, reference
from benchmarks.ending import Ended, end_at_once
from benchmarks.load import Plan, compiled, make_load
from benchmarks.range_read import read_a_range
from benchmarks.runs import Result, Unplaced, run
from benchmarks.servers import program
from benchmarks.tables import NOTHING, tables

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
PLAN = Plan(10, channels=2, seconds=1, settling=0.3)
REFUSE = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    server.accept()[0].close()
"""


@pytest.mark.parametrize("server", [STOCK, RECORDING, VOICEMAIL], ids=lambda server: server.name)
def test_ten_calls_are_measured_and_none_loses_a_frame(tmp_path: Path, server: Contender) -> None:
    result = run(server, make_load(tmp_path), PLAN)

    assert isinstance(result, Result)
    assert result.lost == result.lost_calls == result.backlog == 0
    assert f" {NOTHING} " not in tables([result])


def test_the_reference_receives_what_is_sent(tmp_path: Path) -> None:
    built = compiled("reference", tmp_path)
    assert built is not None

    result = run(reference(built), make_load(tmp_path), PLAN)

    assert isinstance(result, Result)
    assert result.lost == result.lost_calls == 0
    assert result.rss > 0


def test_calls_that_a_server_refuses_are_counted_and_not_waited_for(tmp_path: Path) -> None:
    refusing = Contender("refusing", lambda _: program([sys.executable, "-c", REFUSE]))

    result = run(refusing, make_load(tmp_path), PLAN)

    assert isinstance(result, Unplaced)
    assert "0 of 10 calls could be placed" in result.why
    assert "the server used" in result.why


def test_messages_that_end_beside_live_calls_are_all_found_again(tmp_path: Path) -> None:
    live = Plan(2, 2, seconds=60, settling=0.3, all_followed=True)
    ending = Plan(6, 2, seconds=1, settling=0.3, end_at_once=True)

    ended = end_at_once(VOICEMAIL, make_load(tmp_path), live, ending)

    assert isinstance(ended, Ended)
    assert ended.lost == ended.lost_calls == 0
    assert ended.shipped_after > 0
    assert f" {NOTHING} " not in tables([ended])


def test_a_range_of_a_message_is_counted_in_bytes_of_its_object() -> None:
    found = read_a_range(20.0)

    assert found.wanted == 32000
    assert found.wanted < found.read < found.size

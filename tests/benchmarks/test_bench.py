"""The benchmark itself: ten calls for a second. What it measures is no matter of a test."""

import shutil
from pathlib import Path

import pytest
from benchmarks.contenders import RECORDING, REFERENCE, STOCK, contenders
from benchmarks.load import Plan, compiled, make_load
from benchmarks.report import NOTHING, table
from benchmarks.runs import run

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
PLAN = Plan(10, channels=2, seconds=1, settling=0.3)


@pytest.mark.parametrize("name", [STOCK, RECORDING])
def test_ten_calls_are_measured_and_none_loses_a_frame(tmp_path: Path, name: str) -> None:
    (contender,) = [server for server in contenders(None) if server.name == name]

    result = run(contender, make_load(tmp_path), PLAN)

    assert result.lost == result.lost_calls == result.backlog == 0
    assert f" {NOTHING} " not in table([result])


def test_the_reference_receives_what_is_sent(tmp_path: Path) -> None:
    servers = contenders(compiled("reference", tmp_path))
    (reference,) = [server for server in servers if server.name == REFERENCE]

    result = run(reference, make_load(tmp_path), PLAN)

    assert result.lost == result.lost_calls == 0
    assert result.rss > 0

"""The conformance results are of the server that is installed."""

import importlib.metadata
from pathlib import Path

README = (Path(__file__).parent / "README.md").read_text()


def test_the_results_were_made_with_this_minor_version_of_uvicorn() -> None:
    minor = importlib.metadata.version("uvicorn").rpartition(".")[0]

    assert f"\nuvicorn {minor}." in README, "run tests/conformance/autobahn.py again"


def test_no_case_of_the_suite_failed() -> None:
    rows = [line.split("|") for line in README.splitlines() if line.startswith(("| 1", "| 9"))]

    assert rows
    assert {row[-2].strip() for row in rows} == {"0"}

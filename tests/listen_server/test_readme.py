"""What the page says of bad input is counted under that name, and done by that test."""

import re
from pathlib import Path

from listen_server.telemetry import Telemetry

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "listen_server" / "README.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("|")
][2:]


def test_every_row_names_a_test_that_there_is() -> None:
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))

    assert len(ROWS) > 20
    for row in ROWS:
        (name,) = re.findall(r"`(test_\w+)`", row[-1])
        assert f"def {name}(" in tests, name


def test_every_reason_and_fault_is_one_of_the_servers() -> None:
    code = "\n".join(file.read_text() for file in (ROOT / "listen_server").rglob("*.py"))

    for word in re.findall(r"(?:reason|fault|line) `([^`]+)`", PAGE):
        assert f'"{word}' in code, word


def test_every_metric_is_one_of_the_servers() -> None:
    exposed = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Telemetry().registry.collect()
    }

    assert set(re.findall(r"\blisten_[a-z_]+(?:total|seconds|ratio|draining)\b", PAGE)) <= exposed

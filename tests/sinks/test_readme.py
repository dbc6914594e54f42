import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from listen_sinks.api import SinkPlugin

PAGE = Path(__file__).parents[2] / "sinks" / "README.md"
FILES = re.compile(r"^`([\w.]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Install the example of the page as a stranger's package; return its source and target."""
    source = tmp_path_factory.mktemp("loudness")
    target = tmp_path_factory.mktemp("installed")
    for name, text in FILES.findall(PAGE.read_text()):
        (source / name).write_text(text)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", target, source],
        check=True,
    )
    (source / "loudness_sink.py").unlink()  # what is tested is what was installed
    return source, target


def run(*command: str, source: Path, target: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_example_is_found_by_its_entry_point_and_does_what_it_says(
    installed: tuple[Path, Path], tmp_path: Path
) -> None:
    program = f"""
import asyncio
from importlib.metadata import entry_points
from pathlib import Path
from listen_sinks.api import ENTRY_POINT_GROUP, SinkContext
from listen_sinks.testing import make_call, make_outcome, packets, tone

async def main():
    (entry,) = entry_points(group=ENTRY_POINT_GROUP, name="loudness")
    plugin_class = entry.load()
    config = plugin_class.Config(threshold_dbfs=-20)
    plugin = plugin_class(config, SinkContext("loudness", Path({str(tmp_path)!r})))
    await plugin.open()
    call = make_call()
    sink = plugin.sink(call)
    await sink.start(call)
    for audio in (tone(call, 1.5), tone(call, 1.0) // 100):
        for block in packets(audio, 160):
            await sink.audio(block)
    await sink.finish(make_outcome(call, 20000))
    await plugin.close()

asyncio.run(main())
"""
    source, target = installed

    run("-c", program, source=source, target=target)

    line = json.loads((tmp_path / "loudness.jsonl").read_text())
    assert line["loud"] == pytest.approx(1.5)
    assert line["of"] == 2.5


def test_the_test_suite_of_the_example_passes(installed: tuple[Path, Path]) -> None:
    source, target = installed

    printed = run("-m", "pytest", "-q", "-p", "no:cacheprovider", source=source, target=target)

    (passed,) = re.findall(r"(\d+) passed", printed)
    assert int(passed) > 30
    assert "failed" not in printed
    assert "skipped" not in printed


def test_the_suite_of_the_example_has_as_few_lines_as_promised() -> None:
    files = dict(FILES.findall(PAGE.read_text()))
    lines = [line for line in files["test_loudness_sink.py"].splitlines() if line.strip()]

    assert len(lines) <= 8


def test_the_page_names_every_event_and_every_default_of_the_contract() -> None:
    import listen_sinks.api as contract

    text = PAGE.read_text()
    events = [event.__name__ for event in contract.StreamEvent.__args__]

    assert not [name for name in events if f"`{name}(" not in text]
    for key in ("queue_seconds", "when_full", "timeout", "finish_timeout"):
        (row,) = re.findall(rf"^\| `{key}` \|.*$", text, re.MULTILINE)
        assert f"{getattr(SinkPlugin, key)}".removesuffix(".0") in row


def test_every_link_on_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)\)", PAGE.read_text())

    assert not [link for link in links if not (PAGE.parent / link).exists()]

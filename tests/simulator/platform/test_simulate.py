"""`listen-server simulate call`: what it prints, and how it leaves."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from simulator.platform.raw_app import HANGUP, raw_app

from listen_server.simulator.platform import Line

GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1}


@contextmanager
def _application(answers: dict[str, Any], scheme: str) -> Iterator[str]:
    """Run an application in a thread: the program is another process."""
    ready, over = threading.Event(), threading.Event()
    url = ""

    async def serve() -> None:
        nonlocal url
        async with raw_app(answers, scheme) as app:
            url = app.url
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield url
    finally:
        over.set()
        thread.join()


def _simulated(*words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "listen_server", "simulate", "call", "--to", "+15550100002"]
    return subprocess.run([*line, *words], capture_output=True, text=True, timeout=60, check=False)


def test_on_a_narrow_terminal_a_line_goes_on_below_its_words() -> None:
    line = Line(
        61.0, "JAMBONZ", "says 'To hear it again press 1.' from https://example.com/a-b-c/d-e-f"
    )

    assert line.folded(40).splitlines() == [
        "01:01.0  JAMBONZ  says 'To hear it again",
        "                  press 1.' from",
        "                  https://example.com/a-b-c/d-e-f",
    ]
    assert line.folded(None) == str(line)


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_it_prints_the_screenplay_and_leaves_with_0(scheme: str, tmp_path: Path) -> None:
    script = tmp_path / "caller"
    script.write_text("; who presses a key\nasked press 4\n")
    answers = {"/": [GATHER, HANGUP], "/chosen": [{"verb": "say", "text": "four"}, HANGUP]}
    with _application(answers, scheme) as url:
        done = _simulated("--app", url, "--script", str(script), "--do", "+60 hang up")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "00:00.0  CALLER   calls"
    assert "00:00.0  CALLER   presses 4" in lines
    assert "00:00.0  JAMBONZ  says 'four'" in lines
    assert lines[-1] == "00:00.5  JAMBONZ  tells the status: completed"


def test_a_refusal_is_printed_with_its_source_and_leaves_with_1() -> None:
    with _application({"/": [{"verb": "jump"}]}, "http") as url:
        done = _simulated("--app", url)

    assert done.returncode == 1
    assert "REFUSED  invalid instruction: jump (VS jambonz-app-json" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--app", "example.com"], "no address of an application"),
        (["--app", "http://127.0.0.1:9", "--do", "dance"], "line 1 of the script"),
        (["--app", "http://127.0.0.1:9", "--script", "/nowhere"], "/nowhere cannot be read"),
        (["--app", "http://127.0.0.1:9", "--audio", "/nowhere"], "there is no file /nowhere;"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_in_a_sentence(
    words: list[str], says: str
) -> None:
    done = _simulated(*words)

    assert done.returncode == 1
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_port_for_the_rest_api_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _simulated("--app", "http://127.0.0.1:9", "--rest", port)

    assert done.returncode == 1
    assert f"port {port} cannot be had" in done.stderr

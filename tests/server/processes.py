"""Start a program of ours, hear what it says, send it signals."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).parent


class Running:
    """A process whose standard output is a list of events."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line; a test that waits in vain fails by its time limit or the end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended without {pattern!r}, said: {self.lines}")

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        return self.process.wait(30)

    def call(self, port: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{port}/listen", proxy=None, legacy=True)


@contextmanager
def program(*arguments: object, file: Path = HERE / "program.py") -> Iterator[Running]:
    """Run a program until the block ends; what is left of it, and its children, is killed."""
    command = [sys.executable, "-u", str(file), *map(str, arguments)]
    environment = {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, text=True, process_group=0
    ) as process:
        try:
            yield Running(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

"""Commands run in the test's own process: what they print, and the status they end with."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

import structlog

from listen_server.__main__ import main


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def told(self) -> str:
        """All that it printed."""
        return self.stdout.decode() + self.stderr


def run(*arguments: str) -> Ended:
    """Run a command to its end."""
    before, sys.argv = sys.argv, ["listen-server", *arguments]
    stdout, stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    try:
        with _logs_as_before(), redirect_stdout(stdout), redirect_stderr(stderr):
            main()
    except SystemExit as ended:
        status = ended.code
    else:
        status = 0
    finally:
        sys.argv = before
    assert isinstance(stdout.buffer, io.BytesIO)
    return Ended(int(status or 0), stdout.buffer.getvalue(), stderr.getvalue())


@contextmanager
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configured)

"""What every test stands on, tested: a failure of the tests' own must not look like ours."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_timeout  # type: ignore[import-untyped] # it has none
from _pytest._io import TerminalWriter

from listen_sinks.api import Sink
from listen_sinks.fanout import FanOut
from listen_sinks.testing import make_call


async def test_a_test_whose_time_is_up_in_our_code_is_told_so(tmp_path: Path) -> None:
    await asyncio.to_thread(lambda: None)  # another thread: where it is, is written down
    file = await asyncio.to_thread((tmp_path / "terminal").open, "w")
    config = SimpleNamespace(get_terminal_writer=lambda: TerminalWriter(file))
    settings = SimpleNamespace(disable_debugger_detection=True, timeout=1)

    class Slow(Sink):
        async def start(self, *_: Any) -> None:
            pytest_timeout.timeout_sigalrm(SimpleNamespace(config=config), settings)

    try:
        with pytest.raises(pytest.fail.Exception, match="Timeout"):
            await FanOut([Slow()]).start(make_call())
    finally:
        await asyncio.to_thread(file.close)

"""Servers under test, each started as a process of its own, and what it says it received."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeAlias

import numpy as np
from benchmarks.load import BenchError
from benchmarks.meter import FILE, RATE
from benchmarks.readback import right_samples
from process import server_process

PATIENCE: Final = 30.0  # seconds for the last calls to end inside the server
_PATH: Final = os.pathsep.join(
    [str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)
_CONFIG: Final = """
fast_receive = {fast}
max_streams = 100000
routes."/listen".sinks = ["{sink}"]
[sinks.{sink}]
kind = "probed"
inner = "{sink}"
"""


@dataclass(slots=True)
class Running:
    """A server that takes calls on a port; `stop` returns the samples per channel it got."""

    pid: int
    port: int
    stop: Callable[[int], int]


Start: TypeAlias = Callable[[Path], AbstractContextManager[Running]]
"""Starts a server that keeps what it keeps in a directory, under `data`."""


@contextmanager
def ours(directory: Path, sink: str, settings: str = "", *, fast: bool = True) -> Iterator[Running]:
    """Run listen-server with one sink; `settings` are lines of TOML for its table."""
    toml = _CONFIG.format(fast=str(fast).lower(), sink=sink) + settings
    path = os.pathsep.join([str(_plugin(directory)), _PATH])
    data = directory / "data"
    options = ("--open", "--admin-port", "0")
    with server_process(data, *options, toml=toml, PYTHONPATH=path) as server:

        def stop(channels: int) -> int:
            del channels
            received = _received(server.admin_port)
            if server.stop(90):
                raise BenchError(f"the server did not end well: {''.join(server.raw[-5:])}")
            (data / FILE).rename(directory / FILE)
            kept = right_samples(data)
            return received if kept is None else min(received, kept)

        yield Running(server.process.pid, server.port, stop)


def _plugin(directory: Path) -> Path:
    """Install probed.py beside the sinks that are there; return where."""
    site = directory / "site"
    info = site / "benchmarks-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: benchmarks\nVersion: 1\n")
    entry = "[listen_server.sinks]\nprobed = benchmarks.probed:Probed\n"
    (info / "entry_points.txt").write_text(entry)
    return site


def _received(admin_port: int) -> int:
    """Wait for the last stream to end; return the samples of all, but for what sinks lost."""
    deadline = monotonic() + PATIENCE
    while (metrics := _metrics(admin_port))["listen_active_streams"]:
        if monotonic() > deadline:
            raise BenchError("streams go on after the last call")
        sleep(0.1)
    lost = sum(n for name, n in metrics.items() if name.startswith("listen_sink_dropped_seconds_t"))
    return round((metrics["listen_audio_seconds_total"] - lost) * RATE)


def _metrics(admin_port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


@contextmanager
def stock(directory: Path) -> Iterator[Running]:
    """Run uvicorn as it comes (stock.py)."""
    command = [sys.executable, "-m", "benchmarks.stock", str(directory)]
    with program(command, directory / FILE) as running:
        yield running


@contextmanager
def program(command: list[str], told: Path | None = None) -> Iterator[Running]:
    """Run what prints its port first; the bytes it got are in a file, or its second line."""
    environment = {**os.environ, "PYTHONPATH": _PATH}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        out = process.stdout

        def stop(channels: int) -> int:
            process.terminate()
            line = out.readline()
            process.wait(PATIENCE)
            received = int(np.load(told)["received"]) if told else int(line)
            return received // (2 * channels)

        try:
            yield Running(process.pid, int(out.readline()), stop)
        finally:
            process.kill()

"""The server as people run it: a process of its own, started by its command line."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 15.0  # seconds
COMMAND = [sys.executable, "-m", "listen_server"]


@dataclass
class ServerProcess:
    """`listen-server serve`, with everything that it logs."""

    process: subprocess.Popen[str]
    log: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    port: int = 0
    admin_port: int = 0
    reader: Thread | None = None
    reads: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.reads.set()

    def pause(self) -> None:
        """Read no more of its log, of which the pipe then holds a page."""
        assert self.process.stderr is not None
        self.reads.clear()
        fcntl.fcntl(self.process.stderr, fcntl.F_SETPIPE_SZ, 4096)

    def go_on(self) -> None:
        """Read its log again."""
        self.reads.set()

    def url(self, path: str = "/listen") -> str:
        """Return the address of a route."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def stop(self, seconds: float = 20) -> int:
        """Ask it to stop, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def read_until_ready(self) -> None:
        """Read the log until the server takes calls, then go on reading beside."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if self._take(line).get("event") == "ready":
                break
        else:
            raise RuntimeError(f"the server did not start: {''.join(self.raw)}")
        self.reader = Thread(target=self._read_on, daemon=True)
        self.reader.start()

    def _read_on(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.reads.wait()
            self._take(line)

    def _take(self, line: str) -> dict[str, Any]:
        self.raw.append(line)
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            return {}
        self.log.append(entry)
        if entry.get("event") == "ready":
            self.port = urlsplit(entry["audio"]).port or 0
            self.admin_port = entry.get("admin_port") or 0
        return entry


@contextmanager
def server_process(
    data_dir: Path,
    *options: str,
    toml: str = "",
    preexec_fn: Callable[[], None] | None = None,
    **environment: str,
) -> Iterator[ServerProcess]:
    """Start a server on free ports; kill it at the end if it is still there."""
    config = data_dir / "listen-server.toml"
    data_dir.mkdir(parents=True, exist_ok=True)
    config.write_text("min_free_disk = 0.0\n" + toml)
    arguments = ["--config", config, "--data-dir", data_dir, "--port", "0", *options]
    process = subprocess.Popen(
        [*COMMAND, "serve", *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "LISTEN_LOG_FORMAT": "json", **environment},
        preexec_fn=preexec_fn,  # noqa: PLW1509 - no thread of a test is about to fork
    )
    server = ServerProcess(process)
    try:
        server.read_until_ready()
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        server.go_on()
        if server.reader is not None:
            server.reader.join(PATIENCE)  # workers keep the pipe open a little longer
        if process.stderr is not None:
            process.stderr.close()


def finished_calls(directory: Path, count: int = 1) -> list[dict[str, Any]]:
    """Wait for so many finished recordings; return their sidecars, oldest first.

    Each has the path of its first audio file, if any, under the key `path`.
    """
    sidecars: list[Path] = []
    deadline = monotonic() + PATIENCE
    while len(sidecars) < count:
        assert monotonic() < deadline, f"{len(sidecars)} of {count} recordings after {PATIENCE} s"
        Event().wait(0.02)
        sidecars = sorted(directory.glob("[0-9]*/**/*.json"), key=lambda file: file.name)
    return [_with_path(sidecar) for sidecar in sidecars]


def _with_path(sidecar: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sidecar.read_text())
    files = told["files"]
    return {**told, "path": sidecar.parent / files[0]["name"] if files else None}


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=110,  # a test has 120
        check=False,
        env={**os.environ, **environment},
    )

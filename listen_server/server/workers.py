"""`--workers N`: processes that share the audio port, watched over by the one that began them.

Each runs `serve` (serving.py) on sockets that it inherits. Signals go to the parent, which
hands them on; a worker that dies is started again; when the parent is killed the workers
drain, because its end is a readable pipe to them.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final

from listen_server import early_stop
from listen_server.errors import ConfigError
from listen_server.server.options import ServerOptions
from listen_server.server.reports import Reporter, WorkerStarted, WorkerStopped, ignore
from listen_server.server.sockets import Bound, Sockets, bind, bound

START_FAILED: Final = 3
"""Exit code of a worker that could not start; if it never had before, all end with it."""
FIRST_DELAY: Final = 0.5  # s; doubled each time a worker dies young
LAST_DELAY: Final = 30.0  # s
GROWN_UP: Final = 60.0  # s

Target = Callable[[Sockets], None]


def supervise(
    target: Target,
    options: ServerOptions,
    *,
    admin: bool,
    metrics_dir: Path | None = None,
    run_dir: Path | None = None,
    on_bound: Callable[[Bound], None] = lambda _: None,
    on_ready: Callable[[Bound], None] = lambda _: None,
    report: Reporter = ignore,
) -> int:
    """Run `target(sockets)` in `options.workers` processes until a signal has drained them all.

    `target` is a picklable function that calls `serve(..., sockets=sockets)` in a fresh
    interpreter. All workers share the admin port, whichever answers. Returns the exit code:
    0 when every worker ended well, START_FAILED when one could not start. Raises ConfigError
    for ports. Connections are taken (not yet answered) from `on_bound` on; from `on_ready` on
    every worker answers.

    `metrics_dir` is named in PROMETHEUS_MULTIPROC_DIR, which prometheus_client reads when it is
    imported: each worker keeps its values in files there, and `prometheus_client.multiprocess`
    joins them. It is emptied before and after. In `run_dir` a worker keeps what the others find it
    by, under `PARENT-WORKER.*`, their process ids; what the dead have left there is removed.
    """
    shares = bind(options, admin=admin)
    if metrics_dir is not None:
        metrics_dir.mkdir(parents=True, exist_ok=True)
        _remove(metrics_dir, "*.db")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    if run_dir is not None:
        _remove_of_dead(run_dir)
    where = bound(shares[0], options)
    on_bound(where)
    supervisor = Supervisor(target, metrics_dir, report, lambda: on_ready(where), run_dir)
    try:
        return asyncio.run(supervisor.run(shares))
    finally:
        if metrics_dir is not None:
            _remove(metrics_dir, "*.db")
            with suppress(OSError):
                metrics_dir.rmdir()
        if run_dir is not None:
            with suppress(OSError):
                run_dir.rmdir()


class Supervisor:
    """Keeps workers alive, and ends them."""

    def __init__(
        self,
        target: Target,
        metrics_dir: Path | None = None,
        report: Reporter = ignore,
        on_ready: Callable[[], None] = lambda: None,
        run_dir: Path | None = None,
    ) -> None:
        self._target, self._metrics_dir, self._report = target, metrics_dir, report
        self._run_dir = run_dir
        self._on_ready = on_ready
        self._awaited: set[int] = set()  # workers that never answered yet
        self._stopping = asyncio.Event()
        self._processes: set[SpawnProcess] = set()
        self._exit_code = 0

    async def run(self, shares: list[Sockets]) -> int:
        """Keep one worker per share; return the exit code when all have ended."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self.stop)
        self._awaited = set(range(len(shares)))
        async with asyncio.TaskGroup() as group:
            for number, sockets in enumerate(shares):
                group.create_task(self._keep(number, sockets))
        return self._exit_code

    def stop(self) -> None:
        """Drain every worker; the second time, now; the third, without waiting."""
        self._stopping.set()
        for process in self._processes:
            process.terminate()

    async def _keep(self, number: int, sockets: Sockets) -> None:
        delay, clock = FIRST_DELAY, asyncio.get_running_loop().time
        restarts = 0
        while not self._stopping.is_set():
            began = clock()
            pid, code = await self._run_one(number, sockets)
            if code == START_FAILED and not restarts:
                self._exit_code = START_FAILED
                self.stop()
            elif self._stopping.is_set() and code not in (0, -signal.SIGTERM):
                self._exit_code = self._exit_code or 1
            if clock() - began > GROWN_UP:
                delay = FIRST_DELAY
            restart_in = None if self._stopping.is_set() else delay
            self._report(WorkerStopped(number, pid, code, restart_in))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay, restarts = min(2 * delay, LAST_DELAY), restarts + 1
        for one in sockets.audio:
            one.close()  # else calls would wait here for nobody, while others still refuse them

    async def _run_one(self, number: int, sockets: Sockets) -> tuple[int, int]:
        """Run a worker from start to end; return its process id and exit code."""
        heard, ready = multiprocessing.get_context("spawn").Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(
            target=_work,
            args=(self._target, replace(sockets, ready=ready)),
            name=f"worker {number}",
        )
        _start_without_interrupts(process)
        ready.close()
        hearing = asyncio.create_task(self._hear(number, heard))
        self._processes.add(process)
        pid = process.pid or 0
        self._report(WorkerStarted(number, pid))
        try:
            await _readable(process.sentinel)
            process.join()
        finally:
            self._processes.discard(process)
            if process.exitcode is None:
                process.terminate()
            await hearing  # its other end goes with the process
        if self._metrics_dir is not None:
            _remove(self._metrics_dir, f"gauge_live*_{pid}.db")  # what it said of its present
        if self._run_dir is not None:
            _remove(self._run_dir, f"{os.getpid()}-{pid}.*")
        return pid, process.exitcode or 0

    async def _hear(self, number: int, heard: Connection) -> None:
        """Wait for a worker's first answer, or for its end."""
        with heard:
            await _readable(heard.fileno())
            with suppress(EOFError):
                heard.recv_bytes()
                if self._awaited == {number}:
                    self._on_ready()
                self._awaited.discard(number)


def _work(target: Target, sockets: Sockets) -> None:
    early_stop.install()
    try:
        target(sockets)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201  # before there are logs
        sys.exit(START_FAILED)


def _start_without_interrupts(process: SpawnProcess) -> None:
    """Start a process that ignores SIGINT: Ctrl-C reaches the parent, once is enough."""
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, ours)
        signal.siginterrupt(signal.SIGINT, False)  # noqa: FBT003  # as asyncio had it


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _remove_of_dead(folder: Path) -> None:
    """Remove what workers have left whose parent was killed before it could."""
    for found in folder.glob("*-*.*"):
        parent, _, pid = found.stem.partition("-")
        if parent == str(os.getpid()) or not (pid.isdecimal() and _is_alive(int(pid))):
            found.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's
    return True


def _remove(folder: Path, pattern: str) -> None:
    for found in folder.glob(pattern):
        found.unlink(missing_ok=True)

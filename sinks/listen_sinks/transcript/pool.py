"""A few processes that understand stretches of speech; what they do not get to waits its turn.

pocketsphinx_process.py is what runs there. Audio goes through pipes: it touches no disk.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Final

import structlog

from listen_sinks.transcript.api import EngineAway, Word
from listen_sinks.transcript.stretches import RATE, Stretch

log = structlog.get_logger(__name__)

LONGEST: Final = 30.0
"""Seconds of work that a second of audio may take, on a machine that is busy with calls."""
_LEAST: Final = 30.0  # seconds that any stretch may take
_TRIES: Final = 2  # processes that one stretch may cost
_HEAD: Final = 4  # bytes that say how many follow


class _Died(Exception):  # noqa: N818 - what happened to a process
    pass


class Pool:
    """Stretches in, words out."""

    def __init__(self, processes: int, most_seconds: float) -> None:
        """Take how many processes there are, and how much audio may wait for them."""
        self._workers = [_Worker() for _ in range(processes)]
        self._most = most_seconds
        self._room = asyncio.Event()
        self.seconds = 0.0
        """Of audio that waits, or is being understood."""
        self.died = 0
        """Processes that ended before their work."""

    async def open(self) -> None:
        """Get ready; processes are started when there is work."""
        self._threads = ThreadPoolExecutor(len(self._workers), "transcript pool")
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End the processes. Nobody waits for words any more."""
        for worker in self._workers:
            worker.kill()
        await asyncio.to_thread(self._threads.shutdown)
        for worker in self._workers:
            await asyncio.to_thread(worker.end)

    async def room(self) -> None:
        """Wait until less audio waits than may."""
        while self.seconds >= self._most:
            self._room.clear()
            await self._room.wait()

    async def understand(self, stretch: Stretch) -> list[Word]:
        """Return the words of a stretch, in seconds of the stream. Raises EngineAway."""
        seconds = stretch.samples.size / RATE
        self.seconds += seconds
        try:
            for _ in range(_TRIES):
                with suppress(_Died):
                    return await self._in_turn(stretch, _LEAST + LONGEST * seconds)
                self.died += 1
                log.warning("a process that transcribes has died", died=self.died)
        finally:
            self.seconds -= seconds
            self._room.set()
        raise EngineAway("the processes that transcribe keep dying")

    async def _in_turn(self, stretch: Stretch, limit: float) -> list[Word]:
        worker = await self._idle.get()
        work = asyncio.get_running_loop().run_in_executor(self._threads, worker.work, stretch)
        try:
            async with asyncio.timeout(limit):
                return await asyncio.shield(work)
        except (TimeoutError, asyncio.CancelledError) as error:
            worker.kill()  # then the thread comes back
            if isinstance(error, TimeoutError):
                raise _Died from error
            raise
        finally:
            work.add_done_callback(lambda done: self._back(worker, done))

    def _back(self, worker: "_Worker", done: "asyncio.Future[list[Word]]") -> None:
        if not done.cancelled():
            done.exception()  # it was told to who waited, if anybody did
        self._idle.put_nowait(worker)


class _Worker:
    """One process, started when there is work for it. Its methods block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def work(self, stretch: Stretch) -> list[Word]:
        """Return the words of a stretch. Raises _Died."""
        if self._process is None:
            self._process = _start()
        audio = stretch.samples.astype("<i2", copy=False).tobytes()
        try:
            pipe = _stream(self._process.stdin)
            pipe.write(len(audio).to_bytes(_HEAD, "little") + audio)
            pipe.flush()
            line = _stream(self._process.stdout).readline()
            return _words(json.loads(line), stretch.start)
        except (OSError, ValueError) as error:
            self.kill()
            self.end()
            raise _Died from error

    def kill(self) -> None:
        """End the process at once, from any thread."""
        process = self._process  # which `end` may take away meanwhile
        if process is not None:
            process.kill()

    def end(self) -> None:
        """Wait for the process, after `kill`."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    _stream(pipe).close()
            process.wait()


def _words(found: Sequence[tuple[str, float, float, float]], start: float) -> list[Word]:
    return [Word(text, start + first, start + last, sure) for text, first, last, sure in found]


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-P",  # what lies in the working directory is none of our modules
            "-m",
            "listen_sinks.transcript.pocketsphinx_process",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - both are pipes
    return pipe

"""FLAC and Opus, made of finished WAV files in other processes: Opus takes real work.

A process that dies costs a second try, not a recording: the WAV is kept whatever happens.
encoding_process.py is what runs there. A few threads wait for the processes, one for each.
"""

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Final

from listen_codecs.files import Encoding

TRIES: Final = 2


class EncodingFailed(Exception):  # noqa: N818 - a finding: the WAV is as good as before
    """No file was made. The sentence goes into the sidecar."""


class Encoder:
    """A few processes, each started when a file asks for it and no other is idle."""

    def __init__(self, processes: int) -> None:
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="recording-encoder")
        self._changing = threading.Lock()
        self._processes: set[_Process] = set()
        self._idle: list[_Process] = []
        self._closed = False

    @property
    def pids(self) -> set[int]:
        """The processes that there are."""
        with self._changing:
            return {process.pid for process in self._processes}

    async def encode(self, source: Path, target: Path, encoding: Encoding) -> None:
        """Make `target` of the WAV file `source`, and check it. Raises EncodingFailed."""
        work = partial(self._encode, source, target, encoding)
        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """End the processes, in the middle of a file if need be."""
        await asyncio.to_thread(self._close)

    # in threads

    def _encode(self, source: Path, target: Path, encoding: Encoding) -> None:
        for _ in range(TRIES):
            process = self._take()
            try:
                fault = process.encode(source, target, encoding)
            except _Died:  # so may those be that are idle: the next try gets a new one
                with self._changing:
                    gone, self._idle = [process, *self._idle], []
                self._forget(gone)
                continue
            with self._changing:
                self._idle.append(process)
            if fault is not None:
                raise EncodingFailed(f"kept as WAV: encoding failed ({fault})")
            return
        raise EncodingFailed(f"kept as WAV: the encoding process died {TRIES} times")

    def _take(self) -> "_Process":
        with self._changing:
            if self._closed:
                raise EncodingFailed("kept as WAV: the server stopped")
            if self._idle:
                return self._idle.pop()
            try:
                process = _Process()
            except OSError as error:
                raise EncodingFailed(f"kept as WAV: encoding failed ({error!r})") from error
            self._processes.add(process)
            return process

    def _forget(self, gone: "list[_Process]") -> None:
        with self._changing:
            self._processes.difference_update(gone)
        for process in gone:
            process.end()

    def _close(self) -> None:
        with self._changing:
            self._closed = True
            for process in self._processes:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        self._forget([*self._processes])


class _Died(Exception):  # noqa: N818 - a finding: another process may do
    """The process is gone, or makes no sense."""


class _Process:
    """One process, for one thread at a time; only `kill` comes from another. All of it blocks."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [
                sys.executable,
                "-P",  # what lies in the working directory is none of our modules
                "-m",
                "listen_sinks.recording.encoding_process",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # nothing is left to be written when it has died
        )
        self.pid = self._popen.pid

    def encode(self, source: Path, target: Path, encoding: Encoding) -> str | None:
        """Have a file encoded; return what went wrong, if anything did. Raises _Died."""
        job = json.dumps([str(source), str(target), encoding]).encode() + b"\n"
        try:
            rest = memoryview(job)
            while rest:
                rest = rest[_pipe(self._popen.stdin).write(rest) :]
            fault: str | None = json.loads(_pipe(self._popen.stdout).readline())
        except (OSError, ValueError) as error:
            raise _Died from error
        return fault

    def kill(self) -> None:
        """End it now."""
        self._popen.kill()

    def end(self) -> None:
        """End it now, and let go of it."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - both are pipes
    return pipe

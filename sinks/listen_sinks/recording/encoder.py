"""FLAC and Opus, made of finished WAV files in other processes: Opus takes real work.

A process that dies costs a second try, not a recording: sink.py keeps the WAV whatever happens.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from listen_codecs.files import Encoding, audio_info, read_blocks, write_audio
from listen_sinks.folders import create_file

TRIES: Final = 2
NICENESS: Final = 10  # live calls come first
OPUS_TOLERANCE: Final = 0.1  # seconds by which Opus may differ in length


class EncodingFailed(Exception):  # noqa: N818 - a finding: the WAV is as good as before
    """No file was made. The sentence goes into the sidecar."""


class Encoder:
    """A few processes, started when the first file asks for them."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._changing = threading.Lock()

    async def encode(self, source: Path, target: Path, encoding: Encoding) -> None:
        """Make `target` of the WAV file `source`, and check it. Raises EncodingFailed."""
        for _ in range(TRIES):
            pool = await asyncio.to_thread(self._start)
            try:
                job = await asyncio.to_thread(pool.submit, encode_file, source, target, encoding)
                return await asyncio.wrap_future(job)
            except BrokenProcessPool:
                await asyncio.to_thread(self._give_up, pool)
            except Exception as error:
                raise EncodingFailed(f"kept as WAV: encoding failed ({error!r})") from error
        raise EncodingFailed(f"kept as WAV: the encoding process died {TRIES} times")

    async def close(self) -> None:
        """End the processes, in the middle of a file if need be."""
        if self._pool:
            await asyncio.to_thread(self._give_up, self._pool)

    def _start(self) -> ProcessPoolExecutor:
        # fork would copy threads and locks of a server that is in the middle of calls
        spawn = multiprocessing.get_context("spawn")
        with self._changing:
            if self._pool is None:
                theirs, self._leash = spawn.Pipe(duplex=False)
                self._pool = ProcessPoolExecutor(
                    self._processes, spawn, initializer=_begin_process, initargs=(theirs,)
                )
            return self._pool

    def _give_up(self, pool: ProcessPoolExecutor) -> None:
        with self._changing:
            if self._pool is not pool:
                return  # another recording of the same pool has; two at once would close it twice
            self._pool = None
            self._leash.close()
        pool.shutdown(cancel_futures=True)


def encode_file(source: Path, target: Path, encoding: Encoding) -> None:
    """Encode a file, read it back and compare. Runs in a process of its own."""
    target.unlink(missing_ok=True)
    try:
        _encode(source, target, encoding)
        _compare(source, target, encoding)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _compare(source: Path, target: Path, encoding: Encoding) -> None:
    same = _same_samples if encoding == "flac" else _same_length
    if not same(source, target):
        raise ValueError("what was encoded does not read back as what was recorded")


def _encode(source: Path, target: Path, encoding: Encoding) -> None:
    info = audio_info(source)
    blocks = read_blocks(source, info.sample_rate)
    with os.fdopen(create_file(target, os.O_RDWR | os.O_EXCL), "w+b") as file:
        write_audio(file, blocks, info.sample_rate, info.channels, encoding)
        file.flush()
        os.fsync(file.fileno())


def _same_samples(source: Path, target: Path) -> bool:
    try:
        pairs = zip(read_blocks(source), read_blocks(target), strict=True)
        return all(np.array_equal(*pair) for pair in pairs)
    except ValueError:  # one of them is longer
        return False


def _same_length(source: Path, target: Path) -> bool:
    return abs(_seconds(source) - _seconds(target)) <= OPUS_TOLERANCE


def _seconds(path: Path) -> float:
    frames: Iterator[int] = (block.shape[1] for block in read_blocks(path))
    return sum(frames) / audio_info(path).sample_rate


def _begin_process(leash: Connection) -> None:
    """Leave Ctrl-C to the server, make room for live calls, and end when the server does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    threading.Thread(target=_end_with_server, args=(leash,), daemon=True).start()


def _end_with_server(leash: Connection) -> None:
    leash.poll(None)  # returns when the other end is closed, by the server or by its death
    os._exit(1)

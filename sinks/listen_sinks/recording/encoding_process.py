"""`python -m` program: encodes the WAV files that it is told to, and compares what became of them.

encoder.py starts it and says what to do: a line of JSON in, [source, target, encoding], a line of
JSON out, null or what went wrong. It ends when its standard input does: when the server does.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from listen_codecs.files import Encoding, audio_info, read_blocks, write_audio
from listen_sinks.folders import create_file

NICENESS: Final = 10  # live calls come first
OPUS_TOLERANCE: Final = 0.1  # seconds by which Opus may differ in length


def main() -> None:
    """Do one job after another, until nobody is there to give one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    os.nice(NICENESS)
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints answers nothing
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    while True:
        source, target, encoding = json.loads(jobs.get())
        fault: str | None = None
        try:
            encode_file(Path(source), Path(target), encoding)
        except Exception as error:  # noqa: BLE001 - whatever it is, the WAV is as good as before
            fault = repr(error)
        os.write(answers, json.dumps(fault).encode() + b"\n")


def _read(jobs: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        jobs.put(line)
    os._exit(1)  # in the middle of a file, if need be


def encode_file(source: Path, target: Path, encoding: Encoding) -> None:
    """Encode a file, read it back and compare. Raises whatever keeps it from being the same."""
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


if __name__ == "__main__":
    main()

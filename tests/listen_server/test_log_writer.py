"""Lines that nobody reads keep nobody waiting, and what is lost of them is told."""

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from listen_server.log_writer import LogWriter

SMALL = 4096  # bytes that a pipe holds
LINES = 100
LONG = 20.0  # seconds


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give a small pipe that nobody reads yet: where to read, and where to write."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, SMALL)
    yield ends
    os.close(ends[0])  # which lets go who still writes
    os.close(ends[1])


def told(lost: int) -> str:
    return f"{lost} lost"


def read_lines(descriptor: int, last: str) -> list[str]:
    """Read until a line that is to come."""
    lines: list[str] = []
    with os.fdopen(os.dup(descriptor), encoding="utf-8") as file:
        for line in file:
            lines.append(line.rstrip("\n"))
            if lines[-1] == last:
                break
    return lines


def test_all_lines_are_written_in_order_when_somebody_reads(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], told)
    lines = [f"{number} " + "ä" * 1000 for number in range(LINES)]
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_lines, pipe[0], lines[-1])
        for line in lines:
            writer.put(line)

        assert reading.result(LONG) == lines
    assert writer.flush(LONG)


@pytest.mark.timeout(30)  # a writer that waits is there for ever
def test_whoever_logs_goes_on_while_nobody_reads_and_what_is_lost_is_told(
    pipe: tuple[int, int],
) -> None:
    writer = LogWriter(pipe[1], told, most=10)
    lines = [f"{number} " + "x" * 1000 for number in range(LINES)]

    for line in lines:
        writer.put(line)
    assert not writer.flush(0.01)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_lines, pipe[0], "the end")
        assert writer.flush(LONG)
        writer.put("the end")
        found = reading.result(LONG)
    (lost,) = [int(line.partition(" ")[0]) for line in found if line.endswith(" lost")]
    kept = [line for line in found if line in lines]
    assert kept == sorted(kept, key=lines.index)
    assert len(found) == len(kept) + 2
    assert len(kept) + lost == LINES
    assert 10 <= len(kept) < LINES


def test_a_reader_that_is_gone_costs_lines_and_nothing_else() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        writer = LogWriter(write, told)
        writer.put("one")
        writer.put("two")

        assert writer.flush(LONG)
    finally:
        os.close(write)

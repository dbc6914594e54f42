"""What a process and its children use, as Linux tells it in /proc. Nothing here is ours."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(map(int, children.read_text().split()))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and its children, living or waited for."""
    return sum(sum(_times(member)) for member in family(pid)) / _TICKS


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process and its living children."""
    return sum(_status(member) for member in family(pid))


def _times(pid: int) -> list[int]:
    """Return utime, stime, cutime and cstime (proc(5): fields 14 to 17), in clock ticks."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in after_name[11:15]]


def _status(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0  # a process that has just ended


def raise_file_limit(wanted: int) -> None:
    """Let this process and those that it starts open that many files. Raises OSError."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(f"{wanted} open files are needed, {hard} are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Have what is started within run on this core alone; on any for None."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

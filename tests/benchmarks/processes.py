"""What a process and its children use, as Linux tells it in /proc. Nothing here is ours."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_URGENT: Final = -15  # nice
_AUTOGROUP: Final = Path("/proc/self/autogroup")  # sched(7)


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


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and the machine have used until a moment, in seconds."""

    at: float  # monotonic
    cpu: float  # of the process and its children
    waited: float  # for which a thread of theirs could have run, and had no core
    machine: float  # of all processes
    stolen: float  # by other virtual machines

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """Look now."""
        waited = sum(_waited(member) for member in family(pid))
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        user, nice, system, _, _, irq, softirq, stolen, *_ = (int(one) / _TICKS for one in fields)
        machine = user + nice + system + irq + softirq
        return cls(monotonic(), cpu_seconds(pid), waited, machine, stolen)

    def since(self, earlier: "Usage") -> "Usage":
        """Return what was used in between; `at` is how long that was."""
        return Usage(
            self.at - earlier.at,
            self.cpu - earlier.cpu,
            self.waited - earlier.waited,
            self.machine - earlier.machine,
            self.stolen - earlier.stolen,
        )


def _waited(pid: int) -> float:
    """Return the second field of schedstat (nanoseconds on a run queue), of all threads."""
    waited = 0
    for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError):  # a thread that has just ended
            waited += int(stat.read_text().split()[1])
    return waited / 1e9


def raise_file_limit() -> None:
    """Let this process, and those that it starts, open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> int:
    """Return how many files a process can open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@contextmanager
def urgently(wanted: bool) -> Iterator[None]:  # noqa: FBT001 - with it, or as without
    """Have this process, and what it starts, run before others. Raises PermissionError."""
    if not wanted:
        yield
        return
    os.nice(_URGENT)
    with suppress(FileNotFoundError):  # where sessions share cores, a nice value counts within one
        _AUTOGROUP.write_text(str(_URGENT))
    try:
        yield
    finally:
        os.nice(-_URGENT)
        with suppress(FileNotFoundError):
            _AUTOGROUP.write_text("0")


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Have what is started within run on this core alone; on any for None."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

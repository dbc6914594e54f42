"""What processes use, as the system tells it."""

import os
import subprocess
import sys

from benchmarks.processes import Usage, cpu_seconds, family, on_core, resident_kib

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"


def test_what_a_process_uses_counts_for_it_and_for_the_machine() -> None:
    before = Usage.of(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert cpu_seconds(child.pid) >= 0.25
        assert 0 < resident_kib(child.pid) < resident_kib(os.getpid())
        used = Usage.of(os.getpid()).since(before)
        child.communicate("\n")

    assert used.cpu >= 0.25
    assert used.machine >= 0.25
    assert used.at >= 0.25
    assert used.waited >= 0


def test_what_is_started_on_a_core_stays_there_and_the_starter_does_not() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    ask = "import os; print(os.sched_getaffinity(0))"

    with on_core(core):
        told = subprocess.run(
            [sys.executable, "-c", ask], capture_output=True, text=True, check=True
        )

    assert told.stdout.strip() == str({core})
    assert os.sched_getaffinity(0) == before

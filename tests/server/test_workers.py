"""Several processes on one port: spread, restarted, drained. Real ones."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from server.processes import Running, program


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with program("workers", "workers=2", tmp_path) as running:
        yield running


def test_a_worker_that_dies_is_started_again_and_its_neighbours_calls_go_on(
    server: Running,
) -> None:
    port = server.says(r"bound (\d+)")[1]
    first, second = (int(server.says(r"serving (\d+)")[1]) for _ in range(2))
    calls = [server.call(port) for _ in range(20)]
    for call in calls:
        call.send("how much?")
        call.recv()

    os.kill(first, signal.SIGKILL)
    server.says(rf"WorkerStopped\(.*pid={first}, exit_code=-9, restart_in=0.5\)")
    third = int(server.says(r"serving (\d+)")[1])

    alive = [call for call in calls if answers(call)]
    assert third not in (first, second)
    assert 0 < len(alive) < len(calls)
    for call in alive:
        call.close()
    server.signal()
    assert server.exit_code() == 0


def answers(call: object) -> bool:
    try:
        call.send("how much?")  # type: ignore[attr-defined]
        return call.recv(timeout=10) == "0"  # type: ignore[attr-defined,no-any-return]
    except Exception:  # noqa: BLE001
        return False


def test_a_drain_waits_for_the_calls_of_every_worker(server: Running) -> None:
    port = server.says(r"bound (\d+)")[1]
    for _ in range(2):
        server.says(r"serving")
    calls = [server.call(port) for _ in range(12)]

    server.signal()
    for _ in range(2):
        server.says(r"DrainBegan\(live=[1-9]")
    for call in calls:
        call.send(b"audio")
        call.close()
    for _ in calls:
        server.says(r"ended 5 1000")

    assert server.exit_code() == 0


def test_control_c_in_a_terminal_is_one_signal_not_two(server: Running) -> None:
    port = server.says(r"bound (\d+)")[1]
    for _ in range(2):
        server.says(r"serving")
    with server.call(port) as call:
        os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does it
        server.says(r"DrainBegan\(live=1")
        call.send(b"audio")
    server.says(r"ended 5 1000")

    assert server.exit_code() == 0


def test_workers_drain_when_their_parent_is_killed(server: Running) -> None:
    port = server.says(r"bound (\d+)")[1]
    for _ in range(2):
        server.says(r"serving")
    with server.call(port) as call:
        server.signal(signal.SIGKILL)
        server.says(r"DrainBegan\(live=1")
        call.send(b"audio")

    server.says(r"ended 5 1000")


def test_workers_that_cannot_start_end_with_a_sentence_and_no_loop(tmp_path: Path) -> None:
    with program("workers", "broken", "workers=2", tmp_path) as server:
        assert server.exit_code() == 3


def test_a_port_in_use_is_found_before_any_worker_starts(server: Running, tmp_path: Path) -> None:
    port = server.says(r"bound (\d+)")[1]

    with program("workers", "workers=2", f"port={port}", tmp_path) as other:
        assert other.exit_code() == 1
        assert other.process.stdout is not None
        assert "Worker" not in other.process.stdout.read()


def test_metrics_of_all_workers_are_joined_and_the_dead_are_not_alive(server: Running) -> None:
    admin = server.says(r"bound \d+ (\d+)")[1]
    pids = [int(server.says(r"serving (\d+)")[1]) for _ in range(2)]
    asked = 1
    while metric(admin, "alive") < 2:
        asked += 1

    os.kill(pids[0], signal.SIGKILL)
    server.says(r"WorkerStopped")

    assert metric(admin, "alive") <= 2  # the new one may have been asked
    assert metric(admin, "made_total") == asked + 2


def test_the_server_is_ready_when_its_last_worker_answers_and_once(server: Running) -> None:
    server.says(r"bound (\d+)")
    for _ in range(2):
        first = server.says(r"serving (\d+)")[1]
    server.says("all ready")
    os.kill(int(first), signal.SIGKILL)
    server.says(r"serving (\d+)")
    server.signal()

    assert server.exit_code() == 0
    assert server.process.stdout is not None
    assert server.lines.count("all ready") == 1
    assert "all ready" not in server.process.stdout.read()


def test_nothing_is_left_of_the_metrics_when_all_have_ended(
    server: Running, tmp_path: Path
) -> None:
    server.says("all ready")
    admin = next(line.split()[-1] for line in server.lines if line.startswith("bound"))
    metric(admin, "made_total")
    assert list(tmp_path.glob("*.db"))

    server.signal()

    assert server.exit_code() == 0
    assert not tmp_path.exists()


def metric(port: str, name: str) -> float:
    """Ask whichever worker answers, each time anew."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        found = re.search(rf"^{name} (.*)", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0

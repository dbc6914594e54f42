"""What an operator relies on: probes, credentials, a drain that cuts no call, and bad weather."""

import asyncio
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from process import COMMAND, ServerProcess, command, finished_calls, server_process

from listen_codecs.files import read_audio
from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order

FROZEN = Path(__file__).with_name("frozen.py")
BLACKHOLED = Path(__file__).with_name("blackholed.py")


def place(server: ServerProcess, **order: object) -> CallResult:
    (call,) = Order(url=server.url(), **order).place()  # type: ignore[arg-type] # each test's own
    return asyncio.run(call.run())


def probe(server: ServerProcess, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{server.admin_port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def wait_for(condition: object, server: ServerProcess, seconds: float = 15) -> None:
    """Wait until a metric line is there."""
    for _ in range(int(seconds / 0.05)):
        if str(condition) in probe(server, "/metrics")[1]:
            return
        Event().wait(0.05)
    raise AssertionError(f"{condition} never came about")


def start_call(server: ServerProcess, *options: str) -> subprocess.Popen[str]:
    arguments = [*COMMAND, "call", "--url", server.url(), *options]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_probes_and_the_metrics_tell_how_the_server_is(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0") as server:
        result = place(server, speed=0, mix="stereo")
        finished_calls(tmp_path / "recordings")

        assert probe(server, "/livez") == (200, "alive\n")
        assert probe(server, "/readyz") == (200, "ready\n")
        wait_for('listen_streams_total{outcome="complete",route="/listen"} 1.0', server)
        _, metrics = probe(server, "/metrics")

    assert f"listen_audio_seconds_total {result.seconds}" in metrics
    assert f"listen_bytes_total {float(result.bytes)}" in metrics
    assert 'listen_metadata_total{quality="exact"} 1.0' in metrics


def test_a_call_placed_before_sigterm_ends_normally_and_one_after_it_gets_503(
    tmp_path: Path,
) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0") as server:
        live = start_call(server, "--seconds", "4")
        wait_for("listen_active_streams 1.0", server)
        server.process.send_signal(signal.SIGTERM)
        wait_for("listen_draining 1.0", server)

        refused = place(server)
        assert probe(server, "/readyz") == (503, "draining\n")
        out, _ = live.communicate(timeout=20)
        status = server.process.wait(20)
    (told,) = finished_calls(tmp_path / "recordings")

    assert "503" in (refused.fault or "")
    assert json.loads(out)["fault"] is None
    assert (told["state"], told["frames"]) == ("complete", 4 * 8000)
    assert status == 0


def test_a_second_sigterm_means_now_and_the_call_is_kept_as_interrupted(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0") as server:
        live = start_call(server, "--seconds", "60")
        wait_for("listen_active_streams 1.0", server)
        server.process.send_signal(signal.SIGTERM)
        wait_for("listen_draining 1.0", server)
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(20)
        out, _ = live.communicate(timeout=20)
    (told,) = finished_calls(tmp_path / "recordings")

    assert status == 0
    assert json.loads(out)["close_code"] == 1001
    assert (told["state"], told["reason"]) == ("interrupted", "server stopped")


def test_the_drain_deadline_ends_what_goes_on_too_long(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0", toml="drain_deadline = 1\n") as s:
        live = start_call(s, "--seconds", "60")
        wait_for("listen_active_streams 1.0", s)

        status = s.stop()
        out, _ = live.communicate(timeout=20)

    assert status == 0
    assert json.loads(out)["close_code"] == 1001


def test_a_credential_opens_the_door_and_its_rotation_closes_it_for_the_old(
    tmp_path: Path,
) -> None:
    def credential(*words: str) -> tuple[str, str]:
        made = command("credentials", *words, "acme", "--data-dir", str(tmp_path))
        assert made.returncode == 0, made.stderr
        user, password = (line.partition(": ")[2] for line in made.stdout.splitlines())
        return user, password

    first = credential("add")
    with server_process(tmp_path, "--admin-port", "0") as server:
        assert place(server, speed=0, user=first[0], password=first[1]).fault is None
        assert "401" in (place(server).fault or "")
        assert "401" in (place(server, user=first[0], password="w" * 9).fault or "")
        assert "401" in (place(server, user="u" * 60, password="p" * 40).fault or "")
        second = credential("rotate")
        command("credentials", "revoke", first[0], "--data-dir", str(tmp_path))
        wait_for_log(server, "credentials read again", 1)

        assert "401" in (place(server, user=first[0], password=first[1]).fault or "")
        assert place(server, speed=0, user=second[0], password=second[1]).fault is None
        _, metrics = probe(server, "/metrics")
        told = finished_calls(tmp_path / "recordings", 2)

    assert {recording["tenant"] for recording in told} == {"acme"}
    assert 'listen_refusals_total{reason="no credential"} 2.0' in metrics
    assert 'listen_refusals_total{reason="wrong credential"} 2.0' in metrics


def test_guessing_a_password_is_slowed_down_and_harms_no_neighbour(tmp_path: Path) -> None:
    made = command("credentials", "add", "acme", "--data-dir", str(tmp_path))
    user, password = (line.partition(": ")[2] for line in made.stdout.splitlines())

    with server_process(tmp_path) as server:
        faults = [place(server, user=user, password=f"guess{n}").fault or "" for n in range(12)]

        assert "401" in faults[0]
        assert "429" in faults[-1]
        assert place(server, speed=0, user=user, password=password).fault is None


def test_an_account_that_is_not_the_credentials_own_is_flagged(tmp_path: Path) -> None:
    made = command(
        "credentials", "add", "acme", "--account-sid", "its-own", "--data-dir", str(tmp_path)
    )
    user, password = (line.partition(": ")[2] for line in made.stdout.splitlines())

    with server_process(tmp_path, "--admin-port", "0") as server:
        place(server, speed=0, user=user, password=password, metadata=("accountSid=another",))
        (told,) = finished_calls(tmp_path / "recordings")
        wait_for('listen_flags_total{flag="account of another tenant"} 1.0', server)

    assert told["flags"] == ["account of another tenant"]


def wait_for_log(server: ServerProcess, event: str, count: int, seconds: float = 15) -> None:
    for _ in range(int(seconds / 0.05)):
        if sum(line.get("event") == event for line in server.log) >= count:
            return
        Event().wait(0.05)
    raise AssertionError(f"{event} was never logged")


def test_workers_share_the_port_the_metrics_and_the_drain(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0", "--workers", "2") as server:
        wait_for_ready(server)
        placed = [place(server, speed=0).fault for _ in range(8)]
        finished_calls(tmp_path / "recordings", 8)
        wait_for('listen_streams_total{outcome="complete",route="/listen"} 8.0', server)
        live = start_call(server, "--seconds", "3")
        wait_for("listen_active_streams 1.0", server)

        status = server.stop()
        out, _ = live.communicate(timeout=20)
    told = finished_calls(tmp_path / "recordings", 9)

    assert placed == [None] * 8
    assert json.loads(out)["fault"] is None
    assert {recording["state"] for recording in told} == {"complete"}
    assert status == 0


def wait_for_ready(server: ServerProcess) -> None:
    for _ in range(400):
        with suppress(OSError):
            if probe(server, "/readyz")[0] == 200:
                return
        Event().wait(0.05)
    raise AssertionError("the workers never became ready")


def test_file_descriptors_that_run_out_cost_no_call_that_is_on(tmp_path: Path) -> None:
    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with server_process(tmp_path, "--open", preexec_fn=few_files) as server, ExitStack() as stack:
        live = start_call(server, "--seconds", "5")
        wait_for_audio(tmp_path)
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        out, _ = live.communicate(timeout=30)
        wait_for_log(server, "file descriptors run out", 1)
        stack.close()
        (told,) = finished_calls(tmp_path / "recordings")

        assert json.loads(out)["fault"] is None
        assert told["state"] == "complete"
        assert told["frames"] == 5 * 8000
        place_again(server)


def place_again(server: ServerProcess) -> None:
    for _ in range(50):
        if place(server, speed=0).fault is None:
            return
        Event().wait(0.1)
    raise AssertionError("the server takes no calls any more")


def wait_for_audio(data_dir: Path) -> None:
    for _ in range(1000):
        if any(file.stat().st_size > 8_000 for file in data_dir.rglob("*.wav*")):
            return
        Event().wait(0.02)
    raise AssertionError("no audio reached the disk")


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes have one size here")
def test_a_log_that_nobody_reads_stops_no_call(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open") as server:
        server.pause()
        told_before = len(server.log)
        results = [place(server, speed=0, seconds=1) for _ in range(30)]
        held = len(server.log)
        server.go_on()
        wait_for_log(server, "stream ended", 30)
        status = server.stop()
    told = finished_calls(tmp_path / "recordings", 30)

    assert held <= told_before + 1, "the log was read"
    assert [result.fault for result in results] == [None] * 30
    assert {recording["state"] for recording in told} == {"complete"}
    assert status == 0
    assert server.log[-1]["event"] == "stopping"


def test_a_sender_far_ahead_of_real_time_disturbs_nobody(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open", "--admin-port", "0") as server:
        before = resident(server)
        live = start_call(server, "--seconds", "5")
        flood = start_call(server, "--speed", "0", "--seconds", "600")
        out, _ = live.communicate(timeout=60)
        flooded, _ = flood.communicate(timeout=60)
        grown = resident(server) - before
        told = finished_calls(tmp_path / "recordings", 2)
        _, metrics = probe(server, "/metrics")

    lengths = sorted(round(recording["seconds"]) for recording in told)
    assert json.loads(out)["fault"] is None
    assert json.loads(flooded)["fault"] is None
    assert {recording["state"] for recording in told} == {"complete"}
    assert not any(recording["gaps"] for recording in told)
    assert lengths == [5, 600]
    assert 'listen_sink_dropped_seconds_total{sink="recording"} 0.0' in metrics
    assert grown < 64 * 1024 * 1024


def resident(server: ServerProcess) -> int:
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def in_a_network_of_its_own() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    return (
        subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(
    not in_a_network_of_its_own(),
    reason="needs root and network namespaces, to make the kernel's buffers small",
)
def test_a_frozen_server_records_the_gap_that_it_slept_through(tmp_path: Path) -> None:
    """With jambonz's two seconds of buffer, a server stopped for ten loses about eight."""
    scenario = subprocess.run(
        ["unshare", "-n", sys.executable, FROZEN, tmp_path],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert scenario.returncode == 0, scenario.stderr
    result = json.loads(scenario.stdout)
    (told,) = finished_calls(tmp_path / "recordings")
    block, rate = read_audio(told["path"])

    lost = result["lost_bytes"] / 2 / rate
    assert lost > 5
    assert [gap["reason"] for gap in told["gaps"]] == ["not received"]
    assert told["gaps"][0]["seconds"] == pytest.approx(lost, abs=0.5)
    assert told["gaps"][0]["at"] == pytest.approx(2, abs=1.5)
    assert block.shape[1] == result["samples"]


@pytest.mark.skipif(
    not in_a_network_of_its_own(), reason="needs root and network namespaces, to lose packets"
)
def test_a_peer_whose_network_is_gone_is_let_go_and_its_audio_kept(tmp_path: Path) -> None:
    scenario = subprocess.run(
        ["unshare", "-n", sys.executable, BLACKHOLED, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert scenario.returncode == 0, scenario.stderr
    (told,) = finished_calls(tmp_path / "recordings")
    block, rate = read_audio(told["path"])

    assert (told["state"], told["reason"]) == ("interrupted", "connection lost")
    assert block.shape[1] > rate / 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 2 MiB; for who may not mount, there is no such test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_no_call_and_takes_no_new_one(small_disk: Path) -> None:
    toml = '[sinks.recording]\nlow_water = 0\n[routes."/listen"]\nsinks = ["recording", "memory"]\n'
    options = ["--open", "--admin-port", "0"]
    with server_process(small_disk, *options, toml=toml, LISTEN_MIN_FREE_DISK="0.05") as server:
        live = place(server, rate=64000, mix="stereo", seconds=16, speed=2)
        wait_for_log(server, "disk nearly full: new calls are refused", 1)
        refused = place(server)
        why = probe(server, "/readyz")
        (told,) = finished_calls(small_disk / "recordings")
        wait_for('listen_sink_failures_total{method="audio",sink="recording"} 1.0', server)
        wait_for('listen_refusals_total{reason="disk nearly full"} 1.0', server)
        server.stop()

    ended = [line for line in server.log if line["event"] == "stream ended"]
    failed = [line for line in server.log if line["event"] == "sink failed"]
    assert live.fault is None
    assert (ended[0]["outcome"], ended[0]["seconds"]) == ("complete", 16)
    assert "503" in (refused.fault or "")
    assert why == (503, "disk nearly full\n")
    assert told["state"] == "failed"
    assert told["seconds"] > 1
    assert [line["sink"] for line in failed] == ["recording"]

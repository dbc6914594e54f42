"""May new calls come? What the disk, the credentials and the sinks have to say about it."""

import asyncio
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from harness import until
from structlog.testing import capture_logs

from listen_server.credentials import CredentialStore
from listen_server.health import Health
from listen_server.settings import load_settings
from listen_server.telemetry import Telemetry
from listen_sinks.api import NoConfig, SinkContext, SinkPlugin

LOW = "disk nearly full"
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


class Machine:
    """A health with its neighbours, and a disk that the test fills."""

    def __init__(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.usage: Usage | OSError = Usage(1000, 0, 1000)
        monkeypatch.setattr("shutil.disk_usage", self._disk_usage)
        self.credentials = CredentialStore(data_dir)
        self.telemetry = Telemetry()
        settings = load_settings(data_dir=data_dir, min_free_disk=0.05)
        self.health = Health(settings, self.credentials, self.telemetry)

    def _disk_usage(self, _path: Path) -> Any:
        if isinstance(self.usage, OSError):
            raise self.usage
        return self.usage

    def free(self) -> float | None:
        return self.telemetry.registry.get_sample_value("listen_disk_free_ratio")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


class Moody(SinkPlugin):
    """A plugin that says what the test says."""

    mood: str | Exception | None = None
    asked = 0

    def unavailable(self) -> str | None:
        self.asked += 1
        if isinstance(self.mood, Exception):
            raise self.mood
        return self.mood


@pytest.fixture
def moody(tmp_path: Path) -> Moody:
    return Moody(NoConfig(), SinkContext("moody", tmp_path))


def test_no_call_comes_before_the_sinks_are_ready(machine: Machine) -> None:
    assert machine.health.unavailable() == "starting"

    machine.health.opened()

    assert machine.health.unavailable() is None


def test_no_new_call_comes_while_the_last_ones_end(machine: Machine) -> None:
    machine.health.opened()
    machine.health.draining = lambda: True

    assert machine.health.unavailable() == "draining"
    assert machine.health.unavailable(draining_matters=False) is None


def test_a_disk_that_runs_full_refuses_calls_until_it_has_room_again(
    machine: Machine,
) -> None:
    machine.health.opened()

    with capture_logs() as log:
        for free, why in [
            (60, None),
            (49, "disk nearly full"),
            (48, "disk nearly full"),
            (50, None),
        ]:
            machine.usage = Usage(1000, 1000 - free, free)
            machine.health.look()
            assert machine.health.unavailable() == why
            assert machine.free() == free / 1000

    assert [line["event"] for line in log] == [
        "disk nearly full: new calls are refused",
        "disk has room again",
    ]


@pytest.mark.parametrize("usage", [FileNotFoundError(), PermissionError()])
def test_a_disk_that_cannot_be_asked_is_not_full(machine: Machine, usage: OSError) -> None:
    machine.health.opened()
    machine.usage = usage

    machine.health.look()

    assert machine.health.unavailable() is None


def test_a_disk_without_size_is_full(machine: Machine) -> None:
    machine.health.opened()
    machine.usage = Usage(0, 0, 0)

    machine.health.look()

    assert machine.health.unavailable() == "disk nearly full"


def test_credentials_that_changed_are_read_again(machine: Machine, tmp_path: Path) -> None:
    machine.health.look()
    made = CredentialStore(tmp_path).add("acme")

    machine.health.look()

    assert machine.credentials.check(made.credential.user, made.secret)


@pytest.mark.parametrize("spoil", ["content", "key", "directory"])
def test_credentials_that_cannot_be_read_leave_those_known_before(
    machine: Machine, tmp_path: Path, spoil: str
) -> None:
    made = CredentialStore(tmp_path).add("acme")
    machine.health.look()

    if spoil == "content":
        (tmp_path / "credentials.json").write_text("{")
    elif spoil == "key":
        CredentialStore(tmp_path).add("other")
        (tmp_path / "credentials.key").write_bytes(b"short")
    else:
        (tmp_path / "credentials.json").unlink()
        (tmp_path / "credentials.json").symlink_to("credentials.json")
    with capture_logs() as log:
        machine.health.look()

    assert machine.credentials.check(made.credential.user, made.secret)
    assert [line["event"] for line in log] == ["credentials unreadable: the ones known before stay"]


def test_a_sink_may_ask_for_no_new_calls(machine: Machine, moody: Moody) -> None:
    machine.health.opened([moody])
    assert machine.health.unavailable() is None

    moody.mood = "the bucket is gone"

    assert machine.health.unavailable() == "the bucket is gone"


def test_a_sink_that_cannot_say_keeps_no_call_away(machine: Machine, moody: Moody) -> None:
    machine.health.opened([moody])
    moody.mood = RuntimeError("its own trouble")

    with capture_logs() as log:
        assert [machine.health.unavailable() for _ in range(5)] == [None] * 5

    assert moody.asked == 5
    assert [(line["event"], line["sink"]) for line in log] == [
        ("cannot tell whether a sink is available", "moody")
    ]


async def test_it_keeps_watching(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listen_server.health._LAG_EVERY", 0.01)
    monkeypatch.setattr("listen_server.health._DISK_EVERY", 0.01)
    machine.health.opened()
    watching = asyncio.create_task(machine.health.watch())
    registry = machine.telemetry.registry
    with capture_logs() as log:
        await until(lambda: machine.free() == 1.0)
        monkeypatch.setattr(machine.credentials, "reload", lambda: 1 / 0)  # nobody foresaw that
        await until(lambda: log)
        machine.usage = Usage(1000, 990, 10)
        await until(lambda: machine.health.unavailable() == "disk nearly full")
        await until(lambda: registry.get_sample_value("listen_loop_lag_seconds_count"))
        machine.health.draining = lambda: True
        await until(lambda: registry.get_sample_value("listen_draining") == 1)
        watching.cancel()
        await asyncio.wait([watching])

    assert log[0]["event"] == "cannot look at disk and credentials"
    assert watching.cancelled()


def test_file_descriptors_that_run_out_are_told_once_and_when_they_are_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free() -> float | None:
        return machine.telemetry.registry.get_sample_value("listen_files_free_ratio")

    machine.health.look()
    assert (free() or 0) > 0.1

    with capture_logs() as logs:
        with monkeypatch.context() as patched:
            patched.setattr(
                "resource.getrlimit", lambda _: (len(list(Path("/dev/fd").iterdir())), 0)
            )
            machine.health.look()
            machine.health.look()
            assert free() == 0
        machine.health.look()

    assert [line["event"] for line in logs] == [
        "file descriptors run out",
        "file descriptors are free again",
    ]
    assert "LimitNOFILE" in logs[0]["hint"]

"""The systemd unit, and the settings file that goes with it on a box."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from listen_server.server.options import ServerOptions
from listen_server.settings import Settings, load_settings
from listen_sinks.recording import RecordingConfig

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not on this machine"
)


@pytest.fixture(scope="module")
def unit(deploy: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (deploy / "listen-server.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def settings(deploy: Path) -> Settings:
    return load_settings(deploy / "listen-server.toml")


def test_systemd_waits_longer_than_the_calls(
    unit: dict[str, list[str]], settings: Settings
) -> None:
    (grace,) = unit["TimeoutStopSec"]

    assert int(grace) == settings.drain_deadline + 60
    assert settings.drain_deadline + ServerOptions().finish_timeout < int(grace)


def test_a_stop_drains_and_leaves_the_encoders_to_the_server(unit: dict[str, list[str]]) -> None:
    assert unit["KillSignal"] == ["SIGTERM"]
    assert unit["KillMode"] == ["mixed"]


def test_the_server_may_write_where_it_keeps_things_and_nowhere_else(
    unit: dict[str, list[str]], settings: Settings
) -> None:
    assert unit["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in unit
    assert [f"/var/lib/{name}" for name in unit["StateDirectory"]] == [str(settings.data_dir)]
    assert unit["StateDirectoryMode"] == ["0700"]


def test_the_server_has_no_privileges_and_leaves_no_core(unit: dict[str, list[str]]) -> None:
    assert unit["User"] == ["listen-server"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["LimitCORE"] == ["0"]


def test_there_are_descriptors_for_every_stream(
    unit: dict[str, list[str]], settings: Settings
) -> None:
    (descriptors,) = unit["LimitNOFILE"]

    assert int(descriptors) >= 4 * settings.max_streams * settings.workers


def test_calls_come_through_a_proxy_on_the_box(settings: Settings) -> None:
    assert settings.loopback
    assert settings.admin_port


@pytest.mark.parametrize("prefix", ["", "# "], ids=["in use", "suggested"])
def test_the_settings_file_names_settings_that_exist(deploy: Path, prefix: str) -> None:
    text = (deploy / "listen-server.toml").read_text()
    named = set(re.findall(rf"^{prefix}([a-z_]+) = ", text, re.MULTILINE))

    assert named
    assert named <= {*Settings.model_fields, *RecordingConfig.model_fields}


@needs_systemd
def test_systemd_understands_every_line(deploy: Path, tmp_path: Path) -> None:
    text = (deploy / "listen-server.service").read_text()
    copy = tmp_path / "listen-server.service"
    copy.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", text, flags=re.MULTILINE))

    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )

    assert "listen-server.service" not in done.stderr
    assert done.returncode == 0


@needs_systemd
def test_systemd_finds_little_exposed(deploy: Path) -> None:
    unit = deploy / "listen-server.service"
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout

"""The compose file: its walls, and that its numbers agree with the server's settings."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from listen_server.server.options import ServerOptions
from listen_server.settings import Settings, load_settings
from listen_server.sources import PREFIX

Manifest: TypeAlias = dict[str, Any]


@pytest.fixture
def service(compose: Manifest) -> Manifest:
    (found,) = compose["services"].values()
    taken: Manifest = found
    return taken


@pytest.fixture
def settings(service: Manifest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_every_variable_is_a_setting(service: Manifest) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}

    assert service["environment"].keys() <= known


def test_docker_waits_longer_than_the_calls(service: Manifest, settings: Settings) -> None:
    grace = _seconds(service["stop_grace_period"])

    assert grace == settings.drain_deadline + 60
    assert settings.drain_deadline + ServerOptions().finish_timeout < grace
    assert service["stop_signal"] == "SIGTERM"


def test_what_the_server_keeps_is_on_the_volume(
    compose: Manifest, service: Manifest, settings: Settings
) -> None:
    name, _, path = service["volumes"][0].partition(":")

    assert name in compose["volumes"]
    assert path == str(settings.data_dir)


def test_without_tls_of_its_own_it_is_published_on_loopback_alone(
    service: Manifest, settings: Settings
) -> None:
    (published,) = service["ports"]

    assert settings.behind_tls_proxy
    assert published == f"127.0.0.1:8080:{settings.port}"


def test_the_health_check_asks_the_admin_port(service: Manifest, settings: Settings) -> None:
    command = service["healthcheck"]["test"]

    assert command[0] == "CMD"  # no shell
    assert f"http://127.0.0.1:{settings.admin_port}/livez" in command[-1]
    compile(command[-1], "healthcheck", "exec")


def test_the_container_can_do_little(service: Manifest) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]  # noqa: S108  # the container's
    assert service["ulimits"]["core"] == 0
    assert service["user"] == "10001:10001"


def test_it_builds_the_image_of_this_version(deploy: Path, service: Manifest) -> None:
    project = tomllib.loads((deploy.parent / "pyproject.toml").read_text())["project"]
    build = service["build"]

    assert service["image"] == f"{project['name']}:{project['version']}"
    assert (deploy / build["context"]).resolve() == deploy.parent
    assert (deploy.parent / build["dockerfile"]).is_file()


def _seconds(duration: str) -> int:
    """Read a duration as compose writes it, such as 4h1m30s."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", duration)
    assert found
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds

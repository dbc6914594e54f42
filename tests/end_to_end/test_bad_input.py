"""What a careless person does, and what a broken sink does: each has its answer."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from threading import Event

import pytest
from plugin_package import install_plugin
from process import COMMAND, command, finished_calls, server_process
from webhook_receiver import SECRET

from listen_codecs.files import read_audio

BROKEN = '''
"""Sinks that do everything wrong."""

import asyncio

from listen_sinks.api import Sink, SinkPlugin


class BrokenSink(Sink):
    def __init__(self, where):
        self.where = where

    async def misbehave(self, method):
        if self.where == method:
            raise RuntimeError("canary +15551239999")
        if self.where == f"hang_in_{method}":
            await asyncio.Event().wait()

    async def start(self, call):
        await self.misbehave("start")

    async def audio(self, block):
        await self.misbehave("audio")

    async def event(self, event, at):
        await self.misbehave("event")

    async def finish(self, outcome):
        await self.misbehave("finish")


class Broken(SinkPlugin):
    def sink(self, call):
        if self.context.name == "making":
            raise RuntimeError("canary +15551239999")
        return BrokenSink(self.context.name)
'''
SINKS = ["making", "start", "audio", "event", "finish", "hang_in_start", "hang_in_audio"]


@pytest.fixture
def broken_package(tmp_path: Path) -> Path:
    return install_plugin(tmp_path / "site", "broken", BROKEN, "Broken")


def test_no_broken_sink_costs_the_recording_a_sample(tmp_path: Path, broken_package: Path) -> None:
    tables = "\n".join(
        f'[sinks."{name}"]\nkind = "broken"\ntimeout = 0.5\nfinish_timeout = 0.5' for name in SINKS
    )
    names = ", ".join(f'"{name}"' for name in [*SINKS, "recording"])
    toml = f'{tables}\n[routes."/listen"]\nsinks = [{names}]\n'
    data = tmp_path / "data"

    with server_process(data, "--open", toml=toml, PYTHONPATH=str(broken_package)) as server:
        placed = command("call", "--url", server.url(), "--dtmf", "5@0.5", "--speed", "4")
        (told,) = finished_calls(data / "recordings")
        server.stop()

    block, _ = read_audio(told["path"])
    assert placed.returncode == 0, placed.stderr
    assert told["state"] == "complete"
    assert block.shape[1] == told["received"]["frames"]
    failures = [line for line in server.log if line["event"] == "sink failed"]
    failed = {(line["sink"], line["method"]) for line in failures}
    assert failed == {
        ("making", "sink"),
        *((name, name.removeprefix("hang_in_")) for name in SINKS[1:]),
    }
    assert "canary" not in "".join(server.raw)


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        tried = command("serve", "--open", "--port", port, "--data-dir", str(tmp_path))

    assert tried.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in tried.stderr
    assert "--port" in tried.stderr
    assert "Traceback" not in tried.stderr


def test_a_settings_file_with_three_mistakes_is_told_all_three(tmp_path: Path) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text('prot = 8080\ntick = "soon"\n[routes."/listen"]\nsample_rate = 44100\n')

    checked = command("check-config", "--config", str(config), "--data-dir", str(tmp_path))

    assert checked.returncode == 2
    lines = checked.stderr.splitlines()
    assert len(lines) == 3
    assert any("`prot`" in line and "`port`" in line for line in lines)
    assert any("`tick`" in line and str(config) in line for line in lines)
    assert any("sample_rate" in line and "8000" in line for line in lines)


def test_mistakes_in_settings_sinks_certificate_and_door_are_told_in_one_go(
    tmp_path: Path,
) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    config = tmp_path / "listen-server.toml"
    config.write_text(
        f'host = "0.0.0.0"\ntls_cert = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/cert.pem"\n'
        '[sinks.recording]\nformat = "mp3"\n[routes."/listen"]\nsinks = ["recordin"]\n'
    )

    tried = command(
        "serve", "--config", str(config), "--data-dir", str(tmp_path), LISTEN_ROUTES="{"
    )

    lines = tried.stderr.splitlines()
    assert tried.returncode == 2
    assert [line.removeprefix("listen-server: ").split(" ")[0] for line in lines[:1]] == [
        "LISTEN_ROUTES"
    ]
    assert any("`sinks.recording.format`" in line and str(config) in line for line in lines)
    assert any("did you mean 'recording'?" in line for line in lines)
    assert any("anybody could stream to 0.0.0.0" in line for line in lines)
    assert any("not a usable PEM pair" in line for line in lines)
    assert len(lines) == 5


def test_good_settings_are_told_back(tmp_path: Path) -> None:
    checked = command("check-config", "--data-dir", str(tmp_path))

    assert checked.returncode == 0, checked.stderr
    assert "/record/{vendor} goes to recording" in checked.stdout


def test_voicemail_and_mail_are_told_back_and_the_password_that_is_missing(tmp_path: Path) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text(
        '[routes."/listen"]\nsinks = ["voicemail"]\n[mail]\nhost = "mx.example.com"\n'
        'sender = "v@example.com"\nuser = "v"\npassword_file = "smtp.password"\n'
        f'[webhooks.crm]\nurl = "https://crm.example.com/canary"\nsecret = "{SECRET}"\n'
    )
    where = ("--config", str(config), "--data-dir", str(tmp_path))

    missing = command("check-config", *where)
    (tmp_path / "smtp.password").write_text("canary-password-9f1c\n")
    told = command("check-config", *where)

    assert missing.returncode == 2
    assert f"password_file has no password: {tmp_path}/smtp.password" in missing.stderr
    assert told.returncode == 0, told.stderr
    assert "voicemail is left on /jambonz/voicemail, and fetched on" in told.stdout
    assert "mail goes to mx.example.com port 587, as v, from v@example.com" in told.stdout
    assert "webhook crm at crm.example.com is told of every event" in told.stdout
    assert "canary" not in told.stdout + told.stderr


def test_a_webhook_whose_secret_is_missing_is_told_back(tmp_path: Path) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text(
        '[webhooks.crm]\nurl = "https://crm.example.com"\nsecret_file = "crm.secret"\n'
    )

    missing = command("check-config", "--config", str(config), "--data-dir", str(tmp_path))

    assert missing.returncode == 2
    assert f"webhook 'crm': secret_file has no secret: {tmp_path}/crm.secret: No" in missing.stderr


def test_a_sink_that_is_not_installed_is_said_at_start(tmp_path: Path) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text('[routes."/listen"]\nsinks = ["recordin"]\n')

    tried = command("serve", "--open", "--config", str(config), "--data-dir", str(tmp_path))

    assert tried.returncode == 2
    assert "did you mean 'recording'?" in tried.stderr


@pytest.mark.parametrize("options", [["--host", "::"], ["--open", "--host", "::"], []])
def test_nobody_listens_to_the_world_without_a_credential(
    tmp_path: Path, options: list[str]
) -> None:
    tried = command("serve", *options, "--data-dir", str(tmp_path), LISTEN_BEHIND_TLS_PROXY="true")

    assert tried.returncode == 2
    assert "credential" in tried.stderr


def test_the_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    tried = command("serve", "--open", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))

    assert tried.returncode == 2
    assert "--data-dir" in tried.stderr
    assert "Traceback" not in tried.stderr


def test_a_killed_server_leaves_recordings_that_the_next_one_finishes(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open") as server:
        call = subprocess.Popen(
            [*command_line("call", "--url", server.url(), "--seconds", "30")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_audio(tmp_path)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        call.wait(20)
    with server_process(tmp_path, "--open"):
        (told,) = finished_calls(tmp_path / "recordings")

    block, rate = read_audio(told["path"])
    assert (told["state"], told["reason"]) == ("interrupted", "server killed")
    assert rate == 8000
    assert block.shape[1] == told["frames"] > 0


def command_line(*arguments: str) -> list[str]:
    return [*COMMAND, *arguments]


def wait_for_audio(data_dir: Path) -> None:
    """Wait until a second of audio is on the disk."""
    for _ in range(1000):
        if any(file.stat().st_size > 16_000 for file in data_dir.rglob("*.wav*")):
            return
        Event().wait(0.02)
    raise AssertionError("no audio reached the disk")


def test_a_sink_that_does_not_open_is_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text('[sinks.recording]\ndirectory = "/etc/passwd"\n')

    tried = command(
        "serve", "--port", "0", "--config", str(config), "--data-dir", str(tmp_path / "data")
    )

    assert tried.returncode == 2
    assert "sink 'recording' does not open: cannot" in tried.stderr
    assert "Traceback" not in tried.stderr


def test_checking_the_settings_writes_nothing(tmp_path: Path) -> None:
    checked = command("check-config", "--data-dir", str(tmp_path / "data"))

    assert checked.returncode == 0, checked.stderr
    assert not list(tmp_path.iterdir())


def test_after_the_last_credential_is_revoked_a_restart_does_not_open_the_door(
    tmp_path: Path,
) -> None:
    added = command("credentials", "add", "acme", "--data-dir", str(tmp_path))
    user = added.stdout.splitlines()[0].partition(": ")[2]
    command("credentials", "revoke", user, "--data-dir", str(tmp_path))

    with server_process(tmp_path) as server:
        placed = command("call", "--url", server.url(), "--speed", "0")

    assert placed.returncode == 1
    assert "401" in placed.stderr

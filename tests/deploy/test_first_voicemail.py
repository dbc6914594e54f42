"""The way from an account to the first voicemail: what it says to type, enter and expect is so."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from listen_server.__main__ import app
from listen_server.jambonz.application import STATUS_PATH
from listen_server.pasting import socket_address, web_address
from listen_server.settings import Settings, load_settings
from listen_server.voicemail.config import stream_route
from listen_server.voicemail.sentences import SENTENCES
from listen_sinks.webhook.events import TYPES


@pytest.fixture(scope="module")
def section(deploy: Path) -> str:
    text = (deploy / "README.md").read_text()
    (found,) = re.findall(
        r"^## From an account to the first voicemail\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE
    )
    return str(found)


@pytest.fixture(scope="module")
def settings(section: str) -> Settings:
    (block,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    return load_settings(**tomllib.loads(block))


def commands(section: str) -> Iterator[list[str]]:
    """Yield every command line, in blocks and in sentences, as words."""
    joined = section.replace("\\\n", " ")
    for line in re.findall(r"(?:^    |`)listen-server ([^`\n|]+)", joined, re.MULTILINE):
        yield shlex.split(line)


def test_the_settings_are_taken_and_serve_voicemail_and_mail(settings: Settings) -> None:
    assert stream_route(settings.voicemail, settings.routes) == "/listen"
    assert settings.mail is not None


def test_every_command_exists_with_every_option(section: str) -> None:
    root: Any = typer.main.get_command(app)
    seen = set()

    for words in commands(section):
        command, context, group = root, typer.Context(root), []
        while hasattr(command, "get_command") and words:
            name = words.pop(0)
            command = command.get_command(context, name)
            assert command is not None, name
            group.append(name)
        known = {option for one in command.params for option in one.opts}
        given = {word for word in words if word.startswith("--")}
        assert given <= known, (group, given - known)
        seen.add(" ".join(group))

    assert seen >= {
        *("credentials add", "mailboxes add", "mailboxes show", "mailboxes unlock", "doctor"),
        *("messages list", "messages show", "messages play", "events list", "events replay"),
        "simulate call",
    }


def test_the_addresses_are_those_that_the_doctor_prints(section: str, settings: Settings) -> None:
    path = settings.voicemail.path
    printed = {
        *(web_address(settings, one) for one in (path, path + STATUS_PATH, f"{path}/owner")),
        *(socket_address(settings, one) for one in (path, f"{path}/owner")),
    }

    shown = set(re.findall(r"^    ((?:https|wss)://\S+)$", section, re.MULTILINE))

    assert shown == printed


def test_what_is_heard_is_what_is_said(section: str) -> None:
    quoted = re.findall(r'"([A-Z][^"]+\.)"', section)

    assert quoted
    for sentence in quoted:
        assert any(said.startswith(sentence) for said in SENTENCES.values()), sentence
    assert "mailbox.counts" in TYPES

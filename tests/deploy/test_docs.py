"""What an operator reads: every setting, metric, command and file that is named exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from listen_server.__main__ import app
from listen_server.live.config import ApplicationSettings, JambonzAccount
from listen_server.settings import RouteSettings, Settings, SinkSettings
from listen_server.simulator.handshake import MAX_CREDENTIAL
from listen_server.sources import PREFIX
from listen_server.telemetry import Telemetry
from listen_server.voicemail.config import VoicemailSettings
from listen_sinks.mail.config import MailSettings
from listen_sinks.webhook.config import WebhookSettings

LISTEN_PROPERTIES = {  # @jambonz/verb-specifications, specs.json
    *("verb", "url", "actionHook", "mixType", "sampleRate", "metadata", "wsAuth", "maxLength"),
    *("playBeep", "passDtmf", "finishOnKey", "timeout", "bidirectionalAudio"),
}


@pytest.fixture(scope="module")
def readme(deploy: Path) -> str:
    return (deploy / "README.md").read_text()


@pytest.fixture(scope="module")
def pages(deploy: Path) -> dict[Path, str]:
    names = ("README.md", "SETTINGS.md", "../SECURITY.md")
    return {(deploy / name): (deploy / name).read_text() for name in names}


def test_the_table_names_every_metric_and_no_other(readme: str) -> None:
    exposed = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Telemetry().registry.collect()
    }

    assert sorted(re.findall(r"^\| `(listen_\w+)` \|", readme, re.MULTILINE)) == sorted(exposed)
    assert set(re.findall(r"(?<!/)\blisten_[a-z]\w+", readme)) <= exposed


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("The server", Settings),
        ("Routes", RouteSettings),
        ("Sinks", SinkSettings),
        ("Webhooks", WebhookSettings),
        ("Mail", MailSettings),
        ("Applications", ApplicationSettings),
        ("Voicemail", VoicemailSettings),
        ("Jambonz", JambonzAccount),
    ],
)
def test_the_table_names_every_setting_with_its_default(
    deploy: Path, section: str, model: type[BaseModel]
) -> None:
    text = (deploy / "SETTINGS.md").read_text()
    (chapter,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", chapter, re.MULTILINE))

    assert list(rows) == list(model.model_fields)
    for name, shown in rows.items():
        default = model.model_fields[name].get_default(call_default_factory=True)
        assert not shown.startswith("`") or shown.strip("`") == _as_toml(default), name
        assert default is not None or not shown.startswith("`"), name


def test_every_variable_that_is_named_is_a_setting(deploy: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in (*Settings.model_fields, "config")}
    files = [deploy.parent / "SECURITY.md", *(one for one in deploy.rglob("*") if one.is_file())]
    named = {name for file in files for name in re.findall(r"\bLISTEN_[A-Z_]+\w", file.read_text())}

    assert named
    assert {name.partition("__")[0] for name in named} <= known


def test_every_command_that_is_named_exists(pages: dict[Path, str]) -> None:
    group: Any = typer.main.get_command(app)
    context = typer.Context(group)
    words = r"(?:bin/listen-server|listen-server|run --rm receiver) ([a-z-]+)(?: ([a-z]+))?"
    named = {
        found
        for text in pages.values()
        for line in text.splitlines()
        if line.startswith("    ") or "`" in line
        for found in re.findall(
            rf"(?:^ *|`|compose |sudo -u listen-server |-- |exec receiver ){words}", line
        )
    }

    assert {"serve", "credentials", "doctor", "call"} & {command for command, _ in named}
    for command, subcommand in named:
        found = group.get_command(context, command)
        assert found is not None, command
        if command == "credentials":
            assert found.get_command(context, subcommand) is not None, subcommand


def test_every_link_leads_somewhere(pages: dict[Path, str]) -> None:
    for page, text in pages.items():
        headings = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            assert (page.parent / path).exists(), target
            assert path or anchor in headings, target


def test_the_verb_to_paste_is_one_that_jambonz_takes(readme: str) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    verb = json.loads(block)

    assert verb["verb"] == "listen"
    assert verb.keys() <= LISTEN_PROPERTIES
    assert verb["wsAuth"].keys() == {"username", "password"}
    assert len(":".join(verb["wsAuth"].values())) <= MAX_CREDENTIAL


def test_the_deadlines_are_told_as_they_are(readme: str, pages: dict[Path, str]) -> None:
    hours = Settings.model_fields["drain_deadline"].default / 3600

    assert hours == 4
    assert "up to four hours" in readme
    assert any("4 hours each" in text for text in pages.values())


def _as_toml(value: object) -> str:
    """Write a default as the table does: numbers short, text bare."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return json.dumps(value)
    return str(value)


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower())
    return kept.replace(" ", "-")

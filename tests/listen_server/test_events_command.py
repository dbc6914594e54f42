import asyncio
import json
from pathlib import Path

import pytest
from outboxes import make_event, wants_all
from process import command
from rich.console import Console
from typer.testing import CliRunner
from webhook_receiver import SECRET

from listen_server.commands import events
from listen_server.errors import ConfigError
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import Tried, claim, settle
from listen_sinks.voicemail.index.outbox import put_alone, subscribe
from listen_sinks.voicemail.index.records import DeliveryState
from listen_sinks.webhook.events import Event


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "server.toml"
    file.write_text(f'[webhooks.crm]\nurl = "https://crm.example/events"\nsecret = "{SECRET}"\n')
    return file


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "set_up_logs", lambda **_: None)


def run(config: Path, *words: str) -> str:
    """Run a command in this process."""
    given = [*words, "--config", str(config), "--data-dir", str(config.parent)]
    done = CliRunner().invoke(events.events, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


async def an_outbox(
    folder: Path,
    *told: Event,
    target: str = "crm",
    state: DeliveryState = "dead",
    says: str = "500",
) -> None:
    """Put events; the first is dead by now, or what is said of it."""
    database = Database(f"sqlite+aiosqlite:///{folder}/index.db")
    await subscribe(database, wants_all(target))
    await put_alone(database, told[:1])
    (one,) = await claim(database, target, told[0].at, told[0].at, 1)
    await settle(database, [Tried(one, state, says, told[0].at)], told[0].at)
    await put_alone(database, told[1:])
    await database.close()


def test_what_did_not_arrive_is_listed_shown_and_replayed(config: Path) -> None:
    dead, waiting = make_event(), make_event()
    asyncio.run(an_outbox(config.parent, dead, waiting))

    listed = run(config, "list").splitlines()
    assert [line.split()[0] for line in listed[1:]] == [waiting.id, dead.id]
    assert "crm dead (500)" in listed[2]
    assert waiting.id not in run(config, "list", "--state", "dead")

    shown = run(config, "show", dead.id)
    assert json.loads(shown[: shown.rindex("}") + 1]) == json.loads(dead.body())
    assert "crm: dead" in shown

    assert run(config, "replay", "--state", "dead") == "1 to be delivered again\n"
    assert dead.id not in run(config, "list", "--state", "dead")


def test_on_a_narrow_terminal_nothing_of_an_event_is_cut_off(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event()
    asyncio.run(an_outbox(config.parent, event, says="its name has no address"))
    monkeypatch.setattr(events, "console", lambda: Console(width=80))

    listed = run(config, "list")

    assert max(map(len, listed.splitlines())) <= 80
    for part in (event.id, event.type, event.about, f"{event.at:%Y-%m-%d}"):
        assert part in listed
    assert "crm dead (its name has no address)" in _last_column(listed)


def _last_column(listed: str) -> str:
    first, *rest = listed.splitlines()
    return " ".join(line[first.index("target") :].strip() for line in rest).strip()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay",), "say which"),
        (("list", "--type", "message.recieved"), "there are: message.received"),
        (("list", "--target", "crn"), "no target 'crn'; there are: crm"),
        (("replay", "--target", "crn"), "no target 'crn'; there are: crm"),
        (("show", "01KB0000000000000000000000"), "there is no event"),
    ],
)
def test_what_makes_no_sense_is_told(config: Path, words: tuple[str, ...], says: str) -> None:
    asyncio.run(an_outbox(config.parent, make_event()))

    with pytest.raises(ConfigError, match=says):
        run(config, *words)


def test_mails_are_listed_and_sent_again_as_webhooks_are(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text('[mail]\nhost = "mx.example.com"\nsender = "v@example.com"\n')
    asyncio.run(an_outbox(tmp_path, make_event(), target="mail"))

    assert "mail dead (500)" in run(config, "list")
    assert run(config, "replay", "--target", "mail") == "1 to be delivered again\n"


@pytest.mark.parametrize(
    ("says", "shown"),
    [("nobody to tell", "mail delivered (nobody to tell)"), ("250", "mail delivered")],
)
def test_what_was_told_to_nobody_is_listed_as_that(tmp_path: Path, says: str, shown: str) -> None:
    config = tmp_path / "server.toml"
    config.write_text('[mail]\nhost = "mx.example.com"\nsender = "v@example.com"\n')
    asyncio.run(an_outbox(tmp_path, make_event(), target="mail", state="delivered", says=says))

    header, row = run(config, "list", "--target", "mail").splitlines()
    assert header.split()[-1] == "target"
    assert row.rstrip().endswith(shown)


def test_without_a_webhook_there_are_no_events(tmp_path: Path) -> None:
    done = command("events", "list", "--data-dir", str(tmp_path))

    assert done.returncode == 2
    assert "no webhook is configured" in done.stderr
    assert not (tmp_path / "index.db").exists()

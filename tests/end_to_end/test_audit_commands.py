"""The audit log from the terminal: who did what, and that nobody changed it since."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from terminal import run
from voicemail_terminal import Terminal, everything

NUMBER = "+442079460000"
PIN = "826513"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def entries(terminal: Terminal, *options: str) -> list[dict[str, str]]:
    """Return what `audit list --json` prints."""
    return [
        json.loads(line)
        for line in terminal.run("audit", "list", "--json", *options).split("\n")
        if line
    ]


def test_a_store_without_entries_says_so(terminal: Terminal) -> None:
    assert terminal.run("audit", "list") == "the audit log has no entries\n"
    assert run("audit", "list", "--json", *terminal.where).stdout == b""


def test_who_did_what_is_listed_the_newest_last(terminal: Terminal) -> None:
    (message,) = terminal.leave(1)
    terminal.wav(message)
    terminal.run("messages", "delete", message)

    lines = terminal.run("audit", "list").splitlines()

    assert lines[0].split() == ["at", "(UTC)", "action", "result", "who", "what"]
    assert lines[-1].split()[2:] == ["delete", "ok", "operator", message]
    assert any(line.split()[2:] == ["listen", "ok", "operator", message] for line in lines)
    assert [one["action"] for one in entries(terminal, "--action", "delete")] == ["delete"]
    assert entries(terminal, "--since", "2020-01-01") == entries(terminal)
    assert "no entry is like this" in terminal.run("audit", "list", "--since", "2999-01-01")


def test_a_mailbox_is_asked_for_by_number_and_an_erased_one_by_its_id(terminal: Terminal) -> None:
    box = terminal.run("mailboxes", "add", NUMBER, "--tenant", "acme", "--pin", PIN).split()[0]
    other = terminal.run("mailboxes", "add", "1001", "--tenant", "acme").split()[0]
    of_box = entries(terminal, "--mailbox", NUMBER)
    terminal.run("mailboxes", "set", "1001", "--tenant", "acme", "--catch-all")
    terminal.run("messages", "erase", "--mailbox", NUMBER, "--tenant", "acme", "--yes")

    assert {one["subject"] for one in of_box} == {box}
    assert "erase" in [one["action"] for one in entries(terminal, "--mailbox", box.lower())]
    assert other not in {one["subject"] for one in entries(terminal, "--mailbox", box)}
    assert other in {one["subject"] for one in entries(terminal, "--tenant", "acme")}
    assert "there is no tenant acm" in terminal.run("audit", "list", "--tenant", "acm", status=2)


def test_no_number_and_no_pin_is_listed(terminal: Terminal) -> None:
    terminal.run("mailboxes", "add", NUMBER, "--tenant", "acme", "--pin", PIN)
    terminal.run("mailboxes", "show", NUMBER)
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update audit_log set actor = ? where number = 1", (NUMBER,))

    listed = terminal.run("audit", "list") + terminal.run("audit", "list", "--json")

    assert not [one for one in (NUMBER, NUMBER[1:], PIN) if one in listed]
    assert "not as it was written" in listed
    assert PIN.encode() not in everything(terminal.folder)


def test_entries_of_every_machine_are_verified_on_each(terminal: Terminal) -> None:
    terminal.run("mailboxes", "add", "1001", "--tenant", "acme")
    (terminal.folder / "audit.key").rename(terminal.folder / "elsewhere.key")
    terminal.run("mailboxes", "set", "1001", "--tenant", "acme", "--catch-all")

    assert "signed by 2 key(s): all are as they were written" in terminal.run("audit", "verify")


def test_a_log_that_was_put_back_is_found_by_heads_that_were_kept(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.run("mailboxes", "add", "1001", "--tenant", "acme")
    before = (terminal.folder / "index.db").read_bytes()
    terminal.run("mailboxes", "set", "1001", "--tenant", "acme", "--catch-all")
    kept = tmp_path / "heads.jsonl"
    kept.write_bytes(run("audit", "heads", *terminal.where).stdout)
    assert "all are as they were written" in terminal.run("audit", "verify", "--heads", str(kept))

    for file in terminal.folder.glob("index.db*"):
        file.unlink()
    (terminal.folder / "index.db").write_bytes(before)

    assert "all are as they were written" in terminal.run("audit", "verify")
    assert "is gone" in terminal.run("audit", "verify", "--heads", str(kept), status=1)
    kept.write_text("{}")
    assert "is not what" in terminal.run("audit", "verify", "--heads", str(kept), status=2)

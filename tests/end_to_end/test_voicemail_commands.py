"""Voicemail from the terminal: messages are listed, heard, checked, and erased for good."""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from process import COMMAND, PATIENCE, server_process
from stored_messages import CALLER, TENANT, kept, speech
from terminal import run

from listen_codecs.files import read_audio
from listen_codecs.wav import HEADER_BYTES
from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order
from listen_sinks.voicemail.index.messages import delete_message

TOML = """
[routes."/listen"]
sinks = ["voicemail"]
"""
MANY = 1000
SECONDS = 0.25


@dataclass
class Terminal:
    """Somebody at a terminal, beside a data directory."""

    folder: Path

    @property
    def where(self) -> tuple[str, ...]:
        """Return the options that every command takes."""
        return ("--config", str(self.folder / "voicemail.toml"), "--data-dir", str(self.folder))

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command that ends as it should; return what it printed."""
        ended = run(*arguments, *self.where)
        assert ended.status == status, ended.told
        return ended.told

    def ids(self, *options: str) -> list[str]:
        """Return the messages that `list` shows."""
        lines = self.run("messages", "list", *options).splitlines()
        return [line.split()[0] for line in lines[1:]]

    def wav(self, message: str) -> bytes:
        """Return what `play` gives to a player."""
        return run("messages", "play", message, *self.where).stdout

    def shell(self, *arguments: str) -> bytes:
        """Run a command as people do, in a process of its own; return what it wrote."""
        whole = [*COMMAND, *arguments, *self.where]
        return subprocess.run(whole, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    (tmp_path / "voicemail.toml").write_text(TOML)
    return Terminal(tmp_path)


def place(url: str) -> CallResult:
    (call,) = Order(url=url, mix="stereo", speed=0).place()
    return asyncio.run(call.run())


def arrived(terminal: Terminal) -> list[str]:
    deadline = monotonic() + PATIENCE
    while not (found := terminal.ids()):
        assert monotonic() < deadline, "the message did not arrive"
    return found


def envelopes(terminal: Terminal) -> list[bytes]:
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index:
        return [row[0] for row in index.execute("select envelope from message_keys")]


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_what_a_caller_left_is_heard_and_then_erased_for_good(terminal: Terminal) -> None:
    with server_process(terminal.folder, "--open", toml=TOML) as server:
        result = place(server.url())
        (message,) = arrived(terminal)
        (envelope,) = envelopes(terminal)

        shown = terminal.run("messages", "show", message)
        heard = terminal.shell("messages", "play", message)
        checked = terminal.run("messages", "verify", message)
        before = everything(terminal.folder)
        erased = terminal.shell("messages", "erase", "--yes", message).decode()
        again = terminal.run("messages", "erase", "--yes", message)
        gone = terminal.run("messages", "play", message, status=2)
        after = everything(terminal.folder)

    assert result.fault is None
    assert f"{result.samples / 8000:.2f} s, 8000 Hz, 2 ch" in shown
    assert hashlib.sha256(heard[HEADER_BYTES:]).hexdigest() == result.sha256
    assert "1 part(s) are as they were shipped, and open" in checked
    assert "1 message(s), 1 key(s) destroyed" in erased
    assert erased.splitlines()[0] == again.splitlines()[0]
    assert "is erased" in gone
    assert terminal.ids() == []
    assert (envelope in before, envelope in after) == (True, False)
    assert heard[HEADER_BYTES + 20000 : HEADER_BYTES + 20032] not in before
    assert not list((terminal.folder / "store").rglob("*.lsv1"))
    assert "all are as they were written" in terminal.run("audit", "verify")


def test_a_store_of_a_thousand_messages_is_proven(terminal: Terminal) -> None:
    asyncio.run(leave(terminal, MANY))

    assert f"{MANY} part(s) are as they were shipped, and open" in terminal.run(
        "messages", "verify", "--all"
    )


def test_verify_names_what_was_flipped_cut_and_taken_away(terminal: Terminal) -> None:
    flipped, cut, missing, *right = asyncio.run(leave(terminal, 6))
    objects = {file.name[:26]: file for file in (terminal.folder / "store").rglob("*.lsv1")}
    data = bytearray(objects[flipped].read_bytes())
    data[400] ^= 1
    objects[flipped].write_bytes(data)
    objects[cut].write_bytes(objects[cut].read_bytes()[:-20])
    objects[missing].unlink()

    said = terminal.run("messages", "verify", "--all", status=1)
    one = terminal.run("messages", "verify", right[0])
    played = terminal.run("messages", "play", missing, status=2)

    assert "3 message(s) are not right, of 6 part(s)" in said
    assert f"{flipped}, part 0 is changed" in said
    assert f"{cut}, part 0 is cut" in said
    assert f"{missing}, part 0 is missing" in said
    assert not any(message in said for message in right)
    assert "1 part(s) are as they were shipped" in one
    assert "part 0 is missing" in played


def test_an_object_that_cannot_be_read_does_not_end_the_check(terminal: Terminal) -> None:
    unreadable, *_ = asyncio.run(leave(terminal, 3))
    objects = {file.name[:26]: file for file in (terminal.folder / "store").rglob("*.lsv1")}
    objects[unreadable].unlink()
    objects[unreadable].symlink_to(objects[unreadable])  # no user can read that, not even root

    said = terminal.run("messages", "verify", "--all", status=1)

    assert f"{unreadable}, part 0 is" in said
    assert "1 message(s) are not right, of 3 part(s)" in said


def test_a_store_that_is_away_is_told_and_not_taken_for_a_thousand_losses(
    terminal: Terminal,
) -> None:
    asyncio.run(leave(terminal, 12))
    (terminal.folder / "store" / "v1").rename(terminal.folder / "elsewhere")
    (terminal.folder / "store" / "v1").symlink_to("v1")

    said = terminal.run("messages", "verify", "--all", status=2)

    assert "the store is away" in said
    assert "try again when it is there" in said


def test_with_the_root_key_gone_digests_are_checked_and_nothing_is_made_anew(
    terminal: Terminal,
) -> None:
    (message,) = asyncio.run(leave(terminal, 1))
    (terminal.folder / "root.keys").unlink()

    checked = terminal.run("messages", "verify", "--all")
    played = terminal.run("messages", "play", message, status=2)
    added = terminal.run("mailboxes", "add", "555", status=2)

    assert "not all were opened: the root key is away" in checked
    assert "root.keys is not there: put its backup in place" in played
    assert "root.keys is not there" in added
    assert not (terminal.folder / "root.keys").exists()


def test_a_message_is_exported_in_every_format_and_over_no_file(
    terminal: Terminal, tmp_path: Path
) -> None:
    (message,) = asyncio.run(leave(terminal, 1))
    files = {form: tmp_path / f"out.{form}" for form in ("wav", "flac", "opus")}

    for form, file in files.items():
        terminal.run("messages", "export", message, "--format", form, "--output", str(file))
    again = terminal.run("messages", "export", message, "-o", str(files["wav"]), status=2)
    unknown = terminal.run("messages", "export", message, "--format", "mp3", status=2)

    (wav, _), (flac, _) = read_audio(files["wav"]), read_audio(files["flac"])
    assert (wav == speech(SECONDS)).all()
    assert (flac == wav).all()
    assert read_audio(files["opus"])[0].shape[1] == pytest.approx(wav.shape[1], abs=800)
    assert files["wav"].stat().st_mode & 0o777 == 0o600
    assert "is there already" in again
    assert "choose of wav, flac, opus" in unknown


def test_mailboxes_are_made_changed_and_listed_without_their_numbers(terminal: Terminal) -> None:
    first = terminal.run("mailboxes", "add", "+44 20 7946 0000", "--set", "undelete_days=3")
    mailbox = first.splitlines()[0]

    taken = terminal.run("mailboxes", "add", "0044 20 79460000", status=2)
    wrong = terminal.run("mailboxes", "set", mailbox, "--set", "keep=x", status=2)
    changed = terminal.run(
        *("mailboxes", "set", "442079460000", "--add-number", "sales"),
        *("--set", "undelete_days=", "--set", "min_seconds=2"),
    )
    listed = terminal.run("mailboxes", "list")

    assert "another mailbox of the tenant has this number" in taken
    assert "there is no rule 'keep'" in wrong
    assert f"{mailbox}: 2 number(s), takes every call, min_seconds=2.0" in changed
    assert mailbox in listed
    assert "7946" not in listed + taken
    assert b"79460000" not in everything(terminal.folder)
    assert b"sales" not in everything(terminal.folder)


def test_keys_are_rotated_and_every_message_still_opens(terminal: Terminal) -> None:
    made = terminal.run("keys", "create")
    (message,) = asyncio.run(leave(terminal, 1))
    (mailbox,) = {line.split()[0] for line in terminal.run("keys", "list").splitlines()[1:]}
    before = envelopes(terminal)

    root = terminal.run("keys", "rotate")
    box = terminal.run("keys", "rotate", mailbox, "--tenant", TENANT)
    checked = terminal.run("keys", "check")

    assert "root key made" in made
    assert "1 mailbox key(s) are wrapped under the newest root" in root
    assert "the keys of 1 message part(s) are sealed to it" in box
    assert "2 of 2 mailbox keys are right" in checked
    assert envelopes(terminal) != before
    assert "and open" in terminal.run("messages", "verify", message)


def test_a_callers_messages_are_found_and_erased_together(terminal: Terminal) -> None:
    mine = asyncio.run(leave(terminal, 2))
    other = asyncio.run(leave(terminal, 1, caller="+442079469999"))

    by_caller = terminal.ids("--caller", "0044 20 7946 0000", "--tenant", TENANT)
    first = terminal.run("mailboxes", "list").splitlines()[1].split()[0]
    terminal.run("mailboxes", "set", first, "--add-number", "sales")
    by_mailbox = terminal.ids("--mailbox", "Sales")
    erased = terminal.run("messages", "erase", "--yes", "--caller", CALLER)

    assert sorted(by_caller) == sorted(mine)
    assert sorted(by_mailbox) == sorted(mine)
    assert "2 message(s), 2 key(s) destroyed" in erased
    assert terminal.ids() == other


def test_a_deletion_is_taken_back(terminal: Terminal) -> None:
    async def left_and_deleted() -> str:
        async with kept(terminal.folder) as box:
            message = await box.leave(speech(SECONDS))
            await delete_message(box.database, TENANT, message, datetime.now(UTC))
        return message

    message = asyncio.run(left_and_deleted())

    assert terminal.ids() == []
    assert terminal.ids("--deleted") == [message]
    assert "is deleted" in terminal.run("messages", "play", message, status=2)
    assert f"{message} is new" in terminal.run("messages", "undelete", message)
    assert terminal.ids() == [message]


def test_what_a_caller_says_of_itself_does_not_command_the_terminal(terminal: Terminal) -> None:
    evil = json.dumps({"call": {"from": "\x1b]0;owned\x07[bold]x\u202e"}}).encode()
    (message,) = asyncio.run(leave(terminal, 1, meta=evil))

    shown = terminal.run("messages", "show", message)

    assert "[bold]x" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_a_key_put_in_place_of_a_mailboxes_own_is_named(terminal: Terminal) -> None:
    asyncio.run(leave(terminal, 1))
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update mailbox_keys set public = ?", (bytes([9] * 32),))

    assert "public key is not the one" in terminal.run("keys", "check", status=1)


def test_an_audit_log_that_was_changed_is_told(terminal: Terminal) -> None:
    (message,) = asyncio.run(leave(terminal, 1))
    terminal.wav(message)
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update audit_log set actor = 'user:nobody' where verb = 'listen'")

    assert "was changed" in terminal.run("audit", "verify", status=1)


def test_without_a_voicemail_sink_the_fix_is_told(tmp_path: Path) -> None:
    said = run("messages", "list", "--data-dir", str(tmp_path))

    assert said.status == 2
    assert 'sinks = ["voicemail"]' in said.stderr


async def leave(terminal: Terminal, number: int, **options: Any) -> list[str]:
    """Leave messages in a store, as a receiver ships them."""
    async with kept(terminal.folder) as box:
        turn = asyncio.Semaphore(8)

        async def one() -> str:
            async with turn:
                return await box.leave(speech(SECONDS), peaks=False, **options)

        return await asyncio.gather(*(one() for _ in range(number)))


def test_commands_that_need_no_store_do_not_load_one() -> None:
    loaded = "import sys, listen_server.__main__; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


@pytest.mark.parametrize(
    ("group", "commands"),
    {
        "keys": ["create", "rotate", "list", "check"],
        "mailboxes": ["add", "list", "set"],
        "messages": ["list", "show", "play", "export", "erase", "verify", "undelete"],
        "audit": ["verify"],
    }.items(),
)
def test_every_group_tells_its_commands(group: str, commands: list[str]) -> None:
    told = run(group, "--help").told

    assert all(f" {name} " in told for name in commands)

"""Voicemail from the terminal: messages are listed, heard, checked, and erased for good."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from process import PATIENCE, server_process
from stored_messages import CALLER, TENANT, speech
from terminal import run
from voicemail_terminal import SECONDS, TOML, Terminal, everything, place

from listen_codecs.files import read_audio
from listen_codecs.wav import HEADER_BYTES

MANY = 450  # the index is read by 200 parts: two whole pages, and one that is not


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def arrived(terminal: Terminal) -> list[str]:
    deadline = monotonic() + PATIENCE
    while not (found := terminal.ids()):
        assert monotonic() < deadline, "the message did not arrive"
    return found


def test_what_a_caller_left_is_heard_and_then_erased_for_good(terminal: Terminal) -> None:
    with server_process(terminal.folder, "--open", toml=TOML) as server:
        result = place(server.url())
        (message,) = arrived(terminal)
        (envelope,) = terminal.envelopes()

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


def test_a_store_of_many_pages_is_proven(terminal: Terminal) -> None:
    terminal.leave(MANY)

    assert f"{MANY} part(s) are as they were shipped, and open" in terminal.run(
        "messages", "verify", "--all"
    )


def test_verify_names_what_was_flipped_cut_and_taken_away(terminal: Terminal) -> None:
    flipped, cut, missing, *right = terminal.leave(6)
    objects = terminal.objects()
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
    unreadable, *_ = terminal.leave(3)
    objects = terminal.objects()
    objects[unreadable].unlink()
    objects[unreadable].symlink_to(objects[unreadable])  # no user can read that, not even root

    said = terminal.run("messages", "verify", "--all", status=1)

    assert f"{unreadable}, part 0 is" in said
    assert "1 message(s) are not right, of 3 part(s)" in said


def test_a_store_that_is_away_is_told_and_not_taken_for_a_thousand_losses(
    terminal: Terminal,
) -> None:
    terminal.leave(12)
    (terminal.folder / "store" / "v1").rename(terminal.folder / "elsewhere")
    (terminal.folder / "store" / "v1").symlink_to("v1")

    said = terminal.run("messages", "verify", "--all", status=2)

    assert "the store is away" in said
    assert "try again when it is there" in said


def test_with_the_root_key_gone_digests_are_checked_and_nothing_is_made_anew(
    terminal: Terminal,
) -> None:
    (message,) = terminal.leave(1)
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
    (message,) = terminal.leave(1)
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
    (message,) = terminal.leave(1)
    (mailbox,) = {line.split()[0] for line in terminal.run("keys", "list").splitlines()[1:]}
    before = terminal.envelopes()

    root = terminal.run("keys", "rotate")
    box = terminal.run("keys", "rotate", mailbox, "--tenant", TENANT)
    checked = terminal.run("keys", "check")

    assert "root key made" in made
    assert "1 mailbox key(s) are wrapped under the newest root" in root
    assert "the keys of 1 message part(s) are sealed to it" in box
    assert "2 of 2 mailbox keys are right" in checked
    assert terminal.envelopes() != before
    assert "and open" in terminal.run("messages", "verify", message)


def test_a_callers_messages_are_found_and_erased_together(terminal: Terminal) -> None:
    mine = terminal.leave(2)
    other = terminal.leave(1, caller="+442079469999")

    by_caller = terminal.ids("--caller", "0044 20 7946 0000", "--tenant", TENANT)
    first = terminal.run("mailboxes", "list").splitlines()[1].split()[0]
    terminal.run("mailboxes", "set", first, "--add-number", "sales")
    by_mailbox = terminal.ids("--mailbox", "Sales")
    erased = terminal.run("messages", "erase", "--yes", "--caller", CALLER)

    assert sorted(by_caller) == sorted(mine)
    assert sorted(by_mailbox) == sorted(mine)
    assert "2 message(s), 2 key(s) destroyed" in erased
    assert terminal.ids() == other


def test_what_a_caller_says_of_itself_does_not_command_the_terminal(terminal: Terminal) -> None:
    evil = json.dumps({"call": {"from": "\x1b]0;owned\x07[bold]x\u202e"}}).encode()
    (message,) = terminal.leave(1, meta=evil)

    shown = terminal.run("messages", "show", message)

    assert "[bold]x" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_a_key_put_in_place_of_a_mailboxes_own_is_named(terminal: Terminal) -> None:
    terminal.leave(1)
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update mailbox_keys set public = ?", (bytes([9] * 32),))

    assert "public key is not the one" in terminal.run("keys", "check", status=1)


def test_an_audit_log_that_was_changed_is_told(terminal: Terminal) -> None:
    (message,) = terminal.leave(1)
    terminal.wav(message)
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update audit_log set actor = 'user:nobody' where verb = 'listen'")

    assert "was changed" in terminal.run("audit", "verify", status=1)


def test_without_a_voicemail_sink_the_fix_is_told(tmp_path: Path) -> None:
    said = run("messages", "list", "--data-dir", str(tmp_path))

    assert said.status == 2
    assert 'sinks = ["voicemail"]' in said.stderr


def test_commands_that_need_no_store_do_not_load_one() -> None:
    loaded = (
        "import sys, listen_server.__main__, listen_server.commands.serve\n"
        "sys.exit('sqlalchemy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_a_command_loads_nothing_of_the_others() -> None:
    loaded = (
        "import sys, listen_server.__main__\n"
        "sys.exit(bool({'numpy', 'listen_server.app', 'uvicorn'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


@pytest.mark.parametrize(
    ("group", "commands"),
    {
        "keys": ["create", "rotate", "retire", "list", "check"],
        "mailboxes": ["add", "list", "set", "show", "unlock"],
        "messages": [
            *("list", "show", "play", "export", "delete", "undelete", "hold", "release"),
            *("redact", "erase", "verify", "tidy"),
        ],
        "audit": ["list", "verify", "heads"],
    }.items(),
)
def test_every_group_tells_its_commands(group: str, commands: list[str]) -> None:
    told = run(group, "--help").told

    assert all(f" {name} " in told for name in commands)

"""Mailboxes from the terminal: PINs, profiles and greetings, and nothing of them in the clear."""

import os
import pty
import re
import sqlite3
import subprocess
import termios
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from process import COMMAND
from stored_messages import TENANT
from voicemail_terminal import Terminal, eventually, everything

from listen_server.credentials import CredentialStore

NUMBER = "+442079460000"
PIN = "826513"
OF_ANN = (
    *("--name", "Ann Smith", "--email", "ann@example.com", "--email", "desk@example.com"),
    *("--operator", "+44 (0)20 7946 0001", "--greeting", "Speak after the tone"),
)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def pinned(terminal: Terminal, wanted: str) -> object:
    """Return a column of the one PIN that there is."""
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index:
        return index.execute(f"select {wanted} from mailbox_pins").fetchone()[0]  # noqa: S608 - ours


def typed(terminal: Terminal, *arguments: str, answers: dict[bytes, str]) -> tuple[int, str]:
    """Run a command in a terminal of its own, and type a line when it asks; return what was seen.

    A line waits until nothing that is typed is shown: what comes before that is thrown away.
    """
    ours, theirs = pty.openpty()
    whole = ["setsid", "--ctty", "--wait", *COMMAND, *arguments, *terminal.where]
    seen = b""
    with subprocess.Popen(whole, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        for question, answer in answers.items():
            while question not in seen:
                seen += os.read(ours, 2**16)
            eventually(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO)
            os.write(ours, f"{answer}\n".encode())
        with suppress(OSError):  # nobody is there any more
            while more := os.read(ours, 2**16):
                seen += more
        os.close(ours)
    return process.returncode, seen.decode()


def test_a_tenant_by_mistake_is_told_and_is_in_nobodys_way(terminal: Terminal) -> None:
    CredentialStore(terminal.folder).add("acme")
    right = terminal.run("mailboxes", "add", NUMBER, "--tenant", "acme")
    again = terminal.run("mailboxes", "add", "1001", "--tenant", "acme")
    wrong = terminal.run("mailboxes", "add", "1002", "--tenant", "acm")
    terminal.run(
        *("messages", "erase", "--mailbox", wrong.split()[0], "--yes", "--tenant", "acm"),
    )

    shown = terminal.run("mailboxes", "show", NUMBER)

    assert right.splitlines()[-1] == "tenant acme is new"  # after a word about the root key
    assert again.splitlines()[1:] == []
    assert wrong.splitlines()[1:] == ["tenant acm is new, and no credential has it"]
    assert shown.split()[1] == right.split()[0]


def test_a_mailbox_is_made_with_all_that_its_owner_needs_and_shown(terminal: Terminal) -> None:
    made = terminal.run("mailboxes", "add", NUMBER, "--new-pin", *OF_ANN, "--set", "review=yes")
    mailbox, new_pin = made.splitlines()[0], made.split("PIN ")[1][:6]

    shown = terminal.run("mailboxes", "show", NUMBER)
    rotated = terminal.run("keys", "rotate", mailbox)
    again = terminal.run("mailboxes", "show", mailbox)

    told = dict(line.rstrip().split(maxsplit=1) for line in shown.splitlines())
    assert told["name"] == "Ann Smith"
    assert told["greeting"] == "Speak after the tone"
    assert told["operator"] == "+442079460001"
    assert "ann@example.com" in shown
    assert told["email"] == "desk@example.com"
    assert "to be changed at the next call" in told["PIN"]
    assert "review=true" in told["rules"]
    assert new_pin.isdigit()
    assert new_pin not in shown
    assert "is at version 2" in rotated
    assert again.replace("v2", "v1") == shown
    stored = everything(terminal.folder)
    clear = (b"Smith", b"ann@example", b"Speak after", b"9460001", new_pin.encode())
    assert not [word for word in clear if word in stored]
    assert "all are as they were written" in terminal.run("audit", "verify")


def test_a_pin_is_read_from_a_pipe_and_never_repeated(terminal: Terminal) -> None:
    terminal.run("mailboxes", "add", NUMBER)
    whole = [*COMMAND, "mailboxes", "set", NUMBER, "--pin", "-", *terminal.where]

    done = subprocess.run(
        whole, input=f"{PIN}\n", capture_output=True, text=True, check=True, timeout=60
    )
    weak = terminal.run("mailboxes", "set", NUMBER, "--pin", "1234", "--name", "Ann", status=2)
    both = terminal.run("mailboxes", "set", NUMBER, "--pin", PIN, "--new-pin", status=2)

    assert PIN not in done.stdout + done.stderr + both
    assert str(pinned(terminal, "hash")).startswith("$argon2id$")
    assert "guessed first" in weak
    assert "1234" not in weak
    assert "choose: --pin, --new-pin" in both
    assert "Ann" not in terminal.run("mailboxes", "show", NUMBER)
    assert PIN.encode() not in everything(terminal.folder)


def test_a_pin_is_asked_for_twice_and_not_shown_while_it_is_typed(terminal: Terminal) -> None:
    terminal.run("mailboxes", "add", NUMBER)

    asked = {b"PIN:": PIN, b"confirmation:": PIN}
    status, seen = typed(terminal, "mailboxes", "set", NUMBER, "--pin", "-", answers=asked)

    assert status == 0
    assert PIN not in seen
    assert pinned(terminal, "must_change") == 1


def test_a_locked_pin_is_shown_and_unlocked(terminal: Terminal) -> None:
    mailbox = terminal.run("mailboxes", "add", NUMBER, "--pin", PIN).splitlines()[0]
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        index.execute("update mailbox_pins set failures = 5, locked_until = '2999-01-01 00:00:00'")

    locked = terminal.run("mailboxes", "show", mailbox)
    listed = terminal.run("mailboxes", "list")
    said = terminal.run("mailboxes", "unlock", mailbox)
    unlocked = terminal.run("mailboxes", "show", mailbox)
    terminal.run("mailboxes", "set", mailbox, "--no-pin")

    assert "5 wrong since it was right, locked until 2999-01-01" in locked
    assert "locked until 2999-01-01" in listed
    assert "unlock" in terminal.run("audit", "list", "--action", "unlock", "--mailbox", mailbox)
    assert "its PIN can be tried again" in said
    assert "locked" not in unlocked
    assert "it has no PIN" in terminal.run("mailboxes", "unlock", NUMBER)


def test_a_greeting_is_recorded_replaced_by_words_and_leaves_no_sound_behind(
    terminal: Terminal, tmp_path: Path
) -> None:
    file, mailbox = tmp_path / "greeting.flac", ""
    samples = np.random.default_rng(1).integers(-9000, 9000, (4410, 2), np.int16)
    soundfile.write(file, samples, 44100)
    add = ("mailboxes", "add", NUMBER, "--greeting-audio", str(file))
    mailbox = terminal.run(*add, "--temporary-greeting", "Away until Monday").splitlines()[0]

    shown = terminal.run("mailboxes", "show", mailbox)
    listed, kept = terminal.ids(), terminal.objects()
    by_hand = terminal.run("mailboxes", "set", mailbox, "--set", "greeting=x", status=2)
    both = ("--greeting", "x", "--greeting-audio", str(file))
    refused = terminal.run("mailboxes", "set", mailbox, *both, status=2)
    terminal.run("mailboxes", "set", mailbox, "--greeting", "Hello", "--no-temporary-greeting")
    later = terminal.run("mailboxes", "show", mailbox)

    (message,) = kept
    assert f"greeting={message}" in shown
    assert "Away until Monday" in shown
    assert "0 new, 0 heard, 0 saved" in shown
    assert listed == []
    assert "set by --greeting-audio" in by_hand
    assert "choose: --greeting, --greeting-audio, or --no-greeting" in refused
    assert ("Hello" in later, "Monday" in later, message in later) == (True, False, False)
    assert terminal.objects() == {}

    terminal.run("mailboxes", "set", mailbox, "--greeting-audio", str(file))
    both_are_there = terminal.run("mailboxes", "show", mailbox)
    told = dict(re.split(r"  +", line.rstrip(), maxsplit=1) for line in both_are_there.splitlines())
    assert told["greeting"] == "Hello"
    assert told["recorded greeting"] == "callers hear it instead of the written one"
    assert "recorded" not in shown + later


def test_what_is_no_greeting_or_no_address_changes_nothing(
    terminal: Terminal, tmp_path: Path
) -> None:
    mailbox = terminal.run("mailboxes", "add", NUMBER, *OF_ANN).splitlines()[0]
    text = tmp_path / "greeting.wav"
    text.write_text("no audio")
    before = terminal.run("mailboxes", "show", mailbox)

    faults = [
        terminal.run("mailboxes", "set", mailbox, "--pin", PIN, *wrong, status=2)
        for wrong in (
            ("--greeting-audio", str(text)),
            ("--greeting-audio", str(tmp_path / "nothing.wav")),
            ("--email", "ann@example.com\nBcc: eve@example.com", "--operator", "eve"),
        )
    ]

    assert "nothing.wav: No such file" in faults[1]
    assert "--email: an address is asked for" in faults[2]
    assert "--operator: a number is asked for" in faults[2]
    assert "eve" not in faults[2]
    assert terminal.run("mailboxes", "show", mailbox) == before


def test_a_profile_goes_with_its_mailbox(terminal: Terminal) -> None:
    (message,) = terminal.leave(1)
    del message
    where = ("--tenant", TENANT)
    added = terminal.run("mailboxes", "add", NUMBER, *OF_ANN, "--pin", PIN, *where)
    mailbox = added.splitlines()[0]
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index:
        (sealed,) = index.execute(
            "select profile from mailboxes where id = ?", [mailbox]
        ).fetchone()
    hashed = str(pinned(terminal, "hash")).encode()
    before = everything(terminal.folder)

    terminal.run("messages", "erase", "--yes", "--mailbox", mailbox, *where)
    after = everything(terminal.folder)

    assert (sealed in before, hashed in before) == (True, True)
    assert (sealed in after, hashed in after) == (False, False)
    assert "no mailbox" in terminal.run("mailboxes", "show", mailbox, *where, status=2)

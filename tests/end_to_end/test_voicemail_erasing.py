"""Voicemail that goes: deleted for a while, redacted, erased for good, or kept by a hold."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from process import server_process
from stored_messages import CALLER, speech
from voicemail_terminal import TOML, Terminal, eventually, everything, place

from listen_codecs.files import read_audio
from listen_codecs.wav import HEADER_BYTES

AWAY = """
[sinks.voicemail.keys]
provider = "vault"
address = "http://127.0.0.1:1"
key = "listen-server"
token = "x"
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_deletion_is_taken_back_within_its_grace_and_not_after(terminal: Terminal) -> None:
    message, other = terminal.leave(2)

    deleted = terminal.run("messages", "delete", message)
    listed, gone = terminal.ids(), terminal.ids("--deleted")
    heard = terminal.run("messages", "play", message, status=2)
    back = terminal.run("messages", "undelete", message.lower())
    terminal.run("mailboxes", "set", terminal.mailbox(), "--set", "undelete_days=0")
    terminal.run("messages", "delete", message)
    late = terminal.run("messages", "undelete", message, status=2)

    assert f"{message} is deleted; it can be taken back for 7 day(s)" in deleted
    assert (listed, gone) == ([other], [message])
    assert "is deleted" in heard
    assert f"{message} is new" in back
    assert "deleted too long ago" in late


def test_tidy_erases_what_nobody_can_take_back_any_more(terminal: Terminal) -> None:
    message, other = terminal.leave(2)
    terminal.run("mailboxes", "set", terminal.mailbox(), "--set", "undelete_days=0")
    terminal.run("messages", "delete", message)
    before = terminal.envelopes()

    said = terminal.run("messages", "tidy")
    again = terminal.run("messages", "tidy")

    assert "1  messages erased that were deleted long enough ago" in said
    assert "1  objects of erased messages removed from the store" in said
    assert "0  messages erased" in again
    assert list(terminal.objects()) == [other]
    (lost,) = set(before) - set(terminal.envelopes())
    assert lost not in everything(terminal.folder)
    assert "is erased" in terminal.run("messages", "show", message, status=2)


def test_what_is_on_hold_can_be_heard_and_nothing_else(terminal: Terminal) -> None:
    one, two = terminal.leave(2)
    box = terminal.mailbox()

    terminal.run("messages", "hold", one)
    refused = [
        terminal.run("messages", "delete", one, two, status=2),
        terminal.run("messages", "redact", one, "--from", "0", "--to", "1", "--yes", status=2),
        terminal.run("messages", "erase", one, "--yes", status=2),
        terminal.run("messages", "erase", "--mailbox", box, "--yes", status=2),
    ]
    kept = terminal.run("messages", "erase", "--caller", CALLER, "--yes")
    terminal.run("messages", "release", one)
    terminal.run("messages", "hold", "--mailbox", box)
    of_box = terminal.run("messages", "delete", one, status=2)
    terminal.run("messages", "release", "--mailbox", box)

    assert all("is on legal hold" in said for said in [*refused, of_box])
    assert f"{two} is deleted" in refused[0]
    assert f"kept     {one}: it is on legal hold" in kept
    assert terminal.ids() == [one]
    assert f"{one} is deleted" in terminal.run("messages", "delete", one)
    assert "all are as they were written" in terminal.run("audit", "verify")


def test_a_card_number_is_silence_and_all_else_is_as_it_was(terminal: Terminal) -> None:
    (message,) = terminal.leave(1, seconds=3.0)
    (envelope,) = terminal.envelopes()

    receipt = terminal.run("messages", "redact", message, "--from", "1", "--to", "2.5", "--yes")
    shown = terminal.run("messages", "show", message)
    checked = terminal.run("messages", "verify", "--all")

    expected = np.array(speech(3.0))
    expected[:, 8000:20000] = 0
    assert terminal.wav(message)[HEADER_BYTES:] == expected.astype("<i2").tobytes()
    assert f"a range of message {message}, 1 key(s) destroyed" in receipt
    assert "1.50 s from second 1.00 on" in shown
    assert "1 part(s) are as they were shipped, and open" in checked
    assert envelope not in everything(terminal.folder)
    assert len(terminal.objects()) == 1


def test_a_mailbox_is_erased_with_all_that_is_in_it(terminal: Terminal) -> None:
    messages = terminal.leave(3)
    first = terminal.mailbox()
    needed = terminal.run("mailboxes", "add", "sales", "--catch-all").splitlines()[-1]
    terminal.run("mailboxes", "set", first, "--catch-all")
    refused = terminal.run("messages", "erase", "--mailbox", first, "--yes", status=2)
    terminal.run("mailboxes", "set", needed, "--catch-all")

    receipt = terminal.run("messages", "erase", "--mailbox", first, "--yes")

    assert "mailboxes set OTHER --catch-all" in refused
    assert f"mailbox {first}, 3 message(s), 4 key(s) destroyed" in receipt
    assert all(f"message  {message}" in receipt for message in messages)
    assert terminal.objects() == {}
    assert terminal.mailbox() == needed


def test_silence_at_the_ends_is_left_out_where_asked_for(
    terminal: Terminal, tmp_path: Path
) -> None:
    (message,) = terminal.leave(1, seconds=6.0)
    for start, stop in (("0", "2"), ("4", "6")):
        terminal.run("messages", "redact", message, "--from", start, "--to", stop, "--yes")
    out = tmp_path / "out.flac"

    whole, seen = terminal.wav(message), terminal.wav(message, "--trim")
    terminal.run("messages", "export", message, "--trim", "--format", "flac", "-o", str(out))

    assert len(whole) == HEADER_BYTES + 6 * 16000
    assert len(seen) == pytest.approx(HEADER_BYTES + 2.5 * 16000, abs=320)
    assert read_audio(out)[0].shape[1] == (len(seen) - HEADER_BYTES) // 2


def test_after_a_restored_backup_tidy_erases_again(terminal: Terminal) -> None:
    erased, kept = terminal.leave(2)
    index = terminal.folder / "index.db"
    with closing(sqlite3.connect(index)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    shutil.copy(index, terminal.folder / "backup")
    terminal.run("messages", "erase", erased, "--yes")
    for file in terminal.folder.glob("index.db*"):
        file.unlink()
    shutil.copy(terminal.folder / "backup", index)
    before = terminal.ids()

    said = terminal.run("messages", "tidy")

    assert sorted(before) == sorted([erased, kept])
    assert "1  erasures done again" in said
    assert terminal.ids() == [kept]


def test_objects_that_no_message_has_are_named(terminal: Terminal) -> None:
    terminal.leave(2)
    folder = next(iter(terminal.objects().values())).parent
    stray, young = (folder / f"01KB0000000000000000000MS{n}.0.lsv1" for n in "GH")
    for file in (stray, young):
        file.write_bytes(b"noise")
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
    os.utime(stray, (long_ago, long_ago))

    said = terminal.run("messages", "verify", "--all", status=1)

    assert "2 part(s) are as they were shipped, and open" in said
    assert f"{stray.name}: belongs to no message that this index knows" in said
    assert "1 object(s) in the store belong to no message" in said
    assert young.name not in said


def test_an_old_key_of_a_mailbox_is_destroyed_when_nothing_needs_it(terminal: Terminal) -> None:
    (message,) = terminal.leave(1)
    box = terminal.mailbox()

    fresh = terminal.run("keys", "rotate", box, "--destroy-old", "--yes")
    with closing(sqlite3.connect(terminal.folder / "index.db")) as index, index:
        (old,) = index.execute("select wrapped from mailbox_keys where version = 1").fetchone()
        index.execute("update mailbox_keys set created_at = '2026-01-01 00:00:00.000000'")
    before = everything(terminal.folder)
    retired = terminal.run("keys", "retire", box, "--yes")
    again = terminal.run("keys", "retire", box, "--yes")

    assert "version 1 stays for now" in fresh
    assert "version 1 is destroyed" in retired
    assert "there is no old key" in again
    assert (old in before, old in everything(terminal.folder)) == (True, False)
    assert "and open" in terminal.run("messages", "verify", message)
    assert "1 of 1 mailbox keys are right" in terminal.run("keys", "check")


def test_under_a_wrong_root_no_key_is_made_moved_or_destroyed(terminal: Terminal) -> None:
    (message,) = terminal.leave(1)
    box = terminal.mailbox()
    root = terminal.folder / "root.keys"
    right = root.read_bytes()
    elsewhere = Terminal(terminal.folder / "elsewhere")
    elsewhere.run("keys", "create")
    shutil.copy(elsewhere.folder / "root.keys", root)

    refused = [
        terminal.run("keys", "rotate", status=2),
        terminal.run("keys", "rotate", box, status=2),
        terminal.run("keys", "retire", box, "--yes", status=2),
        terminal.run("mailboxes", "add", "555", status=2),
        terminal.run("messages", "play", message, status=2),
        terminal.run("messages", "redact", message, "--from", "0", "--to", "9", "--yes", status=2),
    ]
    shown = terminal.run("messages", "show", message, status=1)
    root.write_bytes(right)

    assert all("not in the file" in said for said in refused)
    assert "it was 0.25 s" in shown
    assert "and open" in terminal.run("messages", "verify", "--all")
    assert "1 of 1 mailbox keys are right" in terminal.run("keys", "check")


def test_while_the_keys_provider_is_away_nothing_opens_and_erasing_goes_on(
    terminal: Terminal,
) -> None:
    one, two = terminal.leave(2)
    (terminal.folder / "voicemail.toml").write_text(TOML + AWAY)

    refused = [
        terminal.run("messages", "show", one, status=2),
        terminal.run("messages", "play", one, status=2),
        terminal.run("messages", "redact", one, "--from", "0", "--to", "9", "--yes", status=2),
        terminal.run("keys", "check", status=2),
        terminal.run("keys", "rotate", terminal.mailbox(), status=2),
        terminal.run("mailboxes", "add", "555", status=2),
    ]
    checked = terminal.run("messages", "verify", "--all")
    terminal.run("messages", "hold", two)
    erased = terminal.run("messages", "erase", one, "--yes")

    assert all("vault does not answer" in said and "try again" in said for said in refused)
    assert "2 part(s) are as they were shipped, but not all were opened" in checked
    assert "1 message(s), 1 key(s) destroyed" in erased
    assert terminal.ids() == [two]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["messages", "delete"], "say which"),
        (["messages", "delete", "12"], "'12' is no message: ids have 26 letters and digits"),
        (["messages", "erase"], "say which"),
        (["messages", "erase", "--caller", "1", "--mailbox", "1"], "say which"),
        (["messages", "hold"], "say which"),
        (["messages", "list", "--before", "x"], "'x' is no message"),
        (["messages", "list", "--mailbox", "x"], "has no mailbox with this id or number"),
        (["messages", "list", "--tenant", "x"], "there is no tenant x; there are: acme"),
        (["messages", "redact", "MESSAGE", "--from", "2", "--to", "1"], "a range of time begins"),
        (["messages", "redact", "MESSAGE", "--from", "nan", "--to", "1"], "a range of time is"),
        (["messages", "redact", "MESSAGE", "--from", "8", "--to", "9", "--yes"], "0.25 s long"),
        (["messages", "redact", "MESSAGE", "--from", "0"], "--to"),
        (["messages", "verify"], "say which"),
        (["messages", "play", "MESSAGE", "-o", "/nowhere/x.wav"], "cannot write /nowhere/x.wav"),
        (["keys", "rotate", "--destroy-old"], "--destroy-old is for a mailbox"),
        (["keys", "retire", "x", "--yes"], "has no mailbox with this id or number"),
        (
            ["mailboxes", "set", "x", "--set", "undelete_days=soon"],
            "rule undelete_days: a number is asked",
        ),
        (["mailboxes", "set", "x", "--set", "review=maybe"], "rule review: true or false is asked"),
        (["mailboxes", "add", "--tenant", "A B"], "a tenant is a word"),
    ],
)
def test_bad_input_is_told_in_a_sentence(
    terminal: Terminal, arguments: list[str], sentence: str
) -> None:
    (message,) = terminal.leave(1)
    given = [message if word == "MESSAGE" else word for word in arguments]

    said = terminal.run(*given, status=2)

    assert sentence in said
    assert len(said.splitlines()) == 1
    assert terminal.ids() == [message]


def test_a_question_that_nobody_answers_changes_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = terminal.leave(1)
    box = terminal.mailbox()
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)

        said = [
            terminal.run("messages", "erase", message, status=1),
            terminal.run("messages", "redact", message, "--from", "0", "--to", "9", status=1),
            terminal.run("keys", "retire", box, status=1),
        ]

    assert all("nothing was done" in one for one in said)
    assert "and open" in terminal.run("messages", "verify", message)


def test_a_server_keeps_to_the_rules_of_a_mailbox(terminal: Terminal) -> None:
    often = "[sinks.voicemail]\nrefresh_interval = 0.1\nhousekeeping_interval = 0.1\n"

    def states() -> list[str]:
        with closing(sqlite3.connect(terminal.folder / "index.db")) as index:
            rows = index.execute("select state || ': ' || reason from messages order by id")
            return [row[0] for row in rows]

    with server_process(terminal.folder, "--open", toml=f"{TOML}\n{often}") as server:
        place(server.url())
        eventually(lambda: len(states()) == 1)
        box = terminal.mailbox()

        terminal.run("mailboxes", "set", box, "--set", "max_messages=1")
        eventually(lambda: '"full":true' in (terminal.folder / "mailboxes.json").read_text())
        place(server.url())
        eventually(lambda: len(states()) == 2)
        full = states()[1]

        terminal.run("mailboxes", "set", box, *rules(max_messages="", min_seconds="9"))
        eventually(lambda: '"min_seconds":9.0' in (terminal.folder / "mailboxes.json").read_text())
        place(server.url())
        eventually(lambda: len(states()) == 3)
        short = states()[2]

        terminal.run("mailboxes", "set", box, *rules(keep_new_days="0", undelete_days="0"))
        eventually(lambda: not states() and not terminal.objects())

    assert full == "discarded: the mailbox was full"
    assert short == "discarded: shorter than 9 s"
    assert "all are as they were written" in terminal.run("audit", "verify")


def rules(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]

"""A call to a real server becomes text, by the engine without a network; none of it is plain."""

from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from process import PATIENCE, command, server_process
from voicemail_terminal import Terminal, everything, place

from listen_server.simulator.clip import CLIP, CLIP_WORDS
from listen_sinks.transcript.word_errors import word_errors, words_of

pytest.importorskip("pocketsphinx", reason="the extra `offline` is not installed")

TOML = """
[routes."/listen"]
sinks = ["voicemail", "transcript"]
[sinks.transcript]
engine = "pocketsphinx"
"""
CALLER = CLIP_WORDS["caller"]


def test_the_words_of_a_call_are_in_its_message_and_nowhere_else(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    with server_process(tmp_path, "--open", toml=TOML) as server:
        place(server.url())
        deadline = monotonic() + 4 * PATIENCE
        shown = ""
        while "understood by pocketsphinx (en-US):" not in shown:
            assert monotonic() < deadline, shown
            Event().wait(1.0)
            shown = "".join(terminal.run("messages", "show", one) for one in terminal.ids())
        kept = everything(tmp_path)
        logged = str(server.log)
        server.stop()

    assert CALLER in shown
    assert "robert" in CALLER
    for where in (kept, logged.encode()):
        assert b"robert please" not in where.lower()


def test_a_file_is_transcribed_with_its_word_error_rate(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    said.write_text(f"{CLIP_WORDS['greeting']} {CALLER}")
    ended = command("transcribe", str(CLIP), "--engine", "pocketsphinx", "--reference", f"@{said}")

    assert ended.returncode == 0, ended.stderr
    assert word_errors(CALLER, " ".join(words_of(ended.stdout))).deleted <= 1
    assert "word error rate 0.0" in ended.stderr


def test_an_engine_that_is_not_installed_is_told_at_start(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text(TOML.replace("pocketsphinx", "whisper"))
    where = ("--config", str(config), "--data-dir", str(tmp_path / "data"))
    for arguments in (("serve", "--open", "--port", "0"), ("check-config",)):
        ended = command(*arguments, *where)
        assert ended.returncode != 0
        assert "engine 'whisper' is not installed" in ended.stdout + ended.stderr

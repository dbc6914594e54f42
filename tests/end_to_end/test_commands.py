"""The commands that a new user tries first."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from ports import held_port
from process import COMMAND, command, finished_calls, server_process

from listen_server.simulator.order import Order


@pytest.fixture
def port() -> Iterator[str]:
    """Have a port that is free, and that nobody else gets before a server does."""
    with held_port() as free:
        yield str(free)


def verb_in(printed: str) -> dict[str, object]:
    start = printed.index("{\n")
    verb: dict[str, object] = json.loads(printed[start : printed.index("\n}", start) + 2])
    return verb


def test_the_demo_tells_the_whole_story_of_a_message(tmp_path: Path) -> None:
    shown = command("demo", "--once", "--data-dir", str(tmp_path))

    (told,) = finished_calls(tmp_path / "recordings")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert told["path"].name in shown.stdout
    assert "The audio equals what was sent, sample by sample" in shown.stdout
    assert "▇" in shown.stdout
    story = shown.stdout.partition("does not answer")[2]
    in_order = [
        "This is Anna Berg.",
        "beeps",
        "the server asked for its end",
        "Thank you. Your message is kept.",
        "AES-256-GCM",
        "Please enter your PIN",
        "New messages: 1.",
        "plays",
        "What she heard equals what was sent, sample by sample",
        "key(s) destroyed",
    ]
    places = [story.find(said) for said in in_order]
    assert -1 not in places, story
    assert places == sorted(places)
    if find_spec("pocketsphinx"):
        understood = story.partition("understood")[2]
        assert "please call me back tomorrow morning" in understood


def test_the_demo_stays_up_until_ctrl_c_and_takes_the_calls_that_it_names(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*COMMAND, "demo", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert demo.stdout is not None
    leave, fetch = (_named(demo.stdout, " simulate call ") for _ in range(2))
    look = _named(demo.stdout, " messages list ")
    url = _named(demo.stdout, " call FILE.wav --url ")[-1]

    placed = command("call", "--url", url, "--speed", "0")
    left = command(*leave)
    told = next(line for line in demo.stdout if "is in the mailbox" in line)
    heard = command(*fetch)
    listed = command(*look)
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=20)

    assert placed.returncode == 0, placed.stderr
    assert left.returncode == 0, left.stderr
    assert told.startswith("A message of ")
    assert "New messages: 1." in heard.stdout
    assert told.split()[-1].rstrip(".") in listed.stdout
    assert demo.returncode == 0, rest
    assert len(finished_calls(tmp_path / "recordings", 2)) == 2


def _named(lines: Iterable[str], part: str) -> list[str]:
    """Return the arguments of the next command that is printed with a part in it."""
    return shlex.split(next(line for line in lines if part in line))[1:]


def test_the_doctor_of_a_fresh_install_ends_with_a_verb_that_works(
    tmp_path: Path, port: str
) -> None:
    looked = command("doctor", "--data-dir", str(tmp_path), LISTEN_PORT=port)
    verb = verb_in(looked.stdout)

    with server_process(tmp_path, "--port", port):
        (call,) = Order(url=str(verb["url"]), mix="stereo", speed=0).place()
        result = asyncio.run(call.run())
        up = command("doctor", "--data-dir", str(tmp_path), LISTEN_PORT=port)

    assert looked.returncode == 0, looked.stdout
    assert verb["mixType"] == "stereo"
    assert "wsAuth" not in verb
    assert result.fault is None
    assert f"{verb['url']} takes a call" in up.stdout


def test_the_doctor_fills_a_credential_in_and_tries_it(tmp_path: Path, port: str) -> None:
    added = command("credentials", "add", "acme", "--data-dir", str(tmp_path))
    user, password = (line.partition(": ")[2] for line in added.stdout.splitlines())
    options = ["doctor", "--data-dir", str(tmp_path), "--user", user, "--password"]

    with server_process(tmp_path, "--port", port):
        right = command(*options, password, LISTEN_PORT=port)
        wrong = command(*options, "wrong", LISTEN_PORT=port)

    assert verb_in(right.stdout)["wsAuth"] == {"username": user, "password": password}
    assert f"JAMBONZ_RECORD_WS_PASSWORD={password}" in right.stdout
    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 1
    assert f"the password of {user} is wrong" in wrong.stdout
    assert "wsAuth" not in wrong.stdout


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ("min_free_disk = 0.9999\n", "calls are refused"),
        ('public_audio_url = "wss://host.example:3000?x=1"\n', "jambonz reads this url as"),
        ("prot = 1\n", "did you mean `port`?"),
    ],
)
def test_the_doctor_says_what_is_bad_and_how_to_mend_it(
    tmp_path: Path, port: str, toml: str, word: str
) -> None:
    config = tmp_path / "listen-server.toml"
    config.write_text(toml)

    looked = command(
        "doctor",
        *("--config", str(config), "--data-dir", str(tmp_path / "data")),
        LISTEN_PORT=port,
    )

    assert looked.returncode == 1
    assert word in looked.stdout


def test_the_sinks_that_are_installed_are_listed_with_what_they_do() -> None:
    listed = command("sinks", COLUMNS="200")

    assert listed.returncode == 0
    for name in ("discard", "memory", "recording"):
        assert name in listed.stdout


def test_the_version_is_told() -> None:
    assert command("--version").stdout.strip() == "0.1.0"


def test_credentials_are_listed_without_their_secrets(tmp_path: Path) -> None:
    added = command(
        *("credentials", "add", "acme", "--scope", "listen", "--account-sid", "abc"),
        *("--data-dir", str(tmp_path)),
    )
    user, password = (line.partition(": ")[2] for line in added.stdout.splitlines())

    listed = command("credentials", "list", "--data-dir", str(tmp_path), COLUMNS="200")
    unknown = command("credentials", "add", "b", "--scope", "all", "--data-dir", str(tmp_path))

    assert user in listed.stdout
    assert "abc" in listed.stdout
    assert password not in listed.stdout
    assert unknown.returncode == 2
    assert "listen, record, api" in unknown.stderr

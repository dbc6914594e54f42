import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from simulator.bare_server import CLOSE, bare_server

PROGRAM = (
    "import typer; from listen_server.simulator.cli import call; "
    "app = typer.Typer(); app.command()(call); app()"
)


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *words]


def failing(*words: str) -> str:
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


async def started(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command(*words), stdout=subprocess.PIPE)


async def test_a_program_that_places_calls_gets_a_line_for_each() -> None:
    async with bare_server() as server:
        process = await started("--url", server.url, "--speed", "0", "--calls", "3")
        out, _ = await process.communicate()

    lines = [json.loads(line) for line in out.splitlines()]
    assert sorted(line["call"] for line in lines) == [1, 2, 3]
    assert {line["bytes"] for line in lines} == {5.6 * 16000}
    assert len({line["sha256"] for line in lines}) == 1
    assert process.returncode == 0


async def test_a_person_sees_a_bar_and_a_summary() -> None:
    ours, theirs = pty.openpty()
    async with bare_server() as server:
        words = command("--url", server.url, "--speed", "0")
        process = await asyncio.create_subprocess_exec(
            *words, stdout=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "100"}
        )
        await process.wait()
    os.close(theirs)
    shown = os.read(ours, 2**16).decode()
    os.close(ours)

    assert "5.6 of 5.6 s of audio" in shown
    assert "completed: 5.60 s of audio in 280 frames" in shown


async def test_ctrl_c_hangs_up_and_still_tells_what_was_sent() -> None:
    async with bare_server() as server:
        process = await started("--url", server.url, "--seconds", "60")
        await server.until(lambda: server.audio)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        await server.gone.wait()

    assert server.frames[-1].opcode == CLOSE
    line = json.loads(out)
    assert (line["ended"], line["fault"]) == ("hung up", None)
    assert line["bytes"] == len(server.audio)
    assert process.returncode == 130


async def test_a_call_that_did_not_go_as_scripted_is_told_in_one_sentence() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    async with bare_server(lambda _: refusal) as server:
        error = await asyncio.to_thread(failing, "--url", server.url)

    assert error == (
        "call: the server refused the call with 403 Forbidden: no; "
        "is the credential right, and may it use this path?\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.wav"], "there is no file nowhere.wav"),
        (["--rate", "44100"], "--rate 44100 is no rate of jambonz; use one of 8000,"),
        (["--dtmf", "55"], "--dtmf '55' is no key and time; write one of"),
    ],
)
def test_a_wrong_option_is_named_with_its_fix(words: list[str], sentence: str) -> None:
    assert sentence in failing(*words)


def test_a_secret_that_jambonz_cannot_send_is_worth_a_note() -> None:
    error = failing("--url", "ws://127.0.0.1:9", "--user", "u", "--password", "p" * 100)

    assert "note: user and password have 102 bytes with the colon" in error
    assert "ppp" not in error


def test_every_option_is_explained() -> None:
    done = subprocess.run(command("--help"), capture_output=True, text=True, check=True)

    for option in ("--url", "--dtmf", "--pause", "--abort-at", "--calls", "--ca-file", "--seconds"):
        assert option in done.stdout


def test_the_clip_comes_with_the_package() -> None:
    from listen_server.simulator.clip import CLIP

    assert Path(CLIP).is_file()

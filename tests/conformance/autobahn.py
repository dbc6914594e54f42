"""Run the Autobahn testsuite against our websocket class; write what came out into README.md.

    .venv/bin/python tests/conformance/autobahn.py

The suite is a program for Python 2.7, installed on first use into a folder of its own under
the user's cache. Takes half a minute after that. Where there is no Python 2.7 it says so.
"""

import asyncio
import importlib.metadata
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from listen_server.server.options import ServerOptions
from listen_server.server.serving import running

Message: TypeAlias = MutableMapping[str, Any]

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "listen-server" / "autobahn"
LIMIT = 300.0  # s for one run of the suite
LARGE = ["9.1.4", "9.1.5", "9.1.6", "9.2.4", "9.2.5", "9.2.6", "9.3.*", "9.4.*"]
"""Cases with messages of 4 MiB and more; our cap is 2 MiB."""
WORDS = {"OK": "passed", "NON-STRICT": "non-strict", "INFORMATIONAL": "informational"}
SECTIONS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits, messages up to 2 MiB",
    "10": "many messages",
}


@dataclass
class Run:
    """Which cases, with which cap."""

    cases: list[str]
    cap: int  # bytes
    without: list[str] = field(default_factory=list)


async def echo(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Say back what is heard, on a strict route; the suite talks to this."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def find_python2() -> str | None:
    """Return a Python 2.7, from the path or from pyenv."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))
    return str(pyenv[-1]) if pyenv else shutil.which("python2.7")


def install(python2: str) -> Path:
    """Return the suite's program; the last virtualenv that knows Python 2.7 is 20.21."""
    program = CACHE / "py27" / "bin" / "wstest"
    if not program.exists():
        venv.create(CACHE / "tool", with_pip=True, clear=True)
        tool = CACHE / "tool" / "bin"
        call(tool / "pip", "install", "--quiet", "virtualenv<20.22")
        call(tool / "virtualenv", "--quiet", "--python", python2, CACHE / "py27")
        call(CACHE / "py27" / "bin" / "pip", "install", "--quiet", "autobahntestsuite")
    return program


def call(*command: object) -> None:
    subprocess.run([str(one) for one in command], check=True, timeout=LIMIT)


async def run(program: Path, what: Run) -> dict[str, str]:
    """Return the verdict on each case; the worse one of behaviour and close."""
    options = ServerOptions(port=0, max_message_bytes=what.cap)
    async with running(echo, None, options) as bound:
        spec = {
            "outdir": str(CACHE / "reports"),
            "servers": [{"agent": "listen-server", "url": f"ws://127.0.0.1:{bound.port}"}],
            "cases": what.cases,
            "exclude-cases": what.without,
            "exclude-agent-cases": {},
        }
        (CACHE / "spec.json").write_text(json.dumps(spec))
        suite = await asyncio.create_subprocess_exec(
            program, "--mode", "fuzzingclient", "--spec", CACHE / "spec.json", cwd=CACHE,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LIMIT):
                await suite.wait()
        finally:
            if suite.returncode is None:
                suite.kill()
    found = json.loads((CACHE / "reports" / "index.json").read_text())["listen-server"]
    return {case: worse(one["behavior"], one["behaviorClose"]) for case, one in found.items()}


def worse(behaviour: str, close: str) -> str:
    return next((WORDS[one] for one in WORDS if {behaviour, close} <= {one, "OK"}), "failed")


def row(title: str, verdicts: dict[str, str]) -> str:
    counts = [list(verdicts.values()).count(word) for word in [*WORDS.values(), "failed"]]
    return f"| {title} | {' | '.join(map(str, counts))} |"


def table(ours: dict[str, str], large: dict[str, str]) -> str:
    """Make the table of the README."""
    versions = [f"{one} {importlib.metadata.version(one)}" for one in ("uvicorn", "websockets")]
    lines = [
        ", ".join(versions),
        "",
        "| section | passed | non-strict | informational | failed |",
        "|---|---|---|---|---|",
    ]
    for number, title in SECTIONS.items():
        cases = {case: one for case, one in ours.items() if case.split(".")[0] == number}
        lines.append(row(f"{number} {title}", cases))
    lines.append(row("9 limits, messages up to 16 MiB, with a cap of 16 MiB", large))
    loose = sorted((case for case, one in ours.items() if one == "non-strict"), key=by_number)
    lines += ["", f"Non-strict: {', '.join(loose)}."]
    return "\n".join(lines)


def by_number(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


async def main() -> int:
    python2 = find_python2()
    if python2 is None:
        say("skipped: the Autobahn testsuite needs Python 2.7, which is not on this machine")
        return 0
    program = await asyncio.to_thread(install, python2)
    ours = await run(program, Run([f"{one}.*" for one in SECTIONS], 2 * 1024 * 1024, LARGE))
    large = await run(program, Run(LARGE, 16 * 1024 * 1024))
    readme = HERE / "README.md"
    before, mark, _ = readme.read_text().partition("<!-- results -->\n")
    readme.write_text(f"{before}{mark}{table(ours, large)}\n")
    say(table(ours, large))
    return int("failed" in (ours | large).values())


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

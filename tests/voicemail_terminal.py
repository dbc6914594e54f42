"""Somebody at a terminal beside a voicemail store, and messages in it."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from process import COMMAND, PATIENCE
from stored_messages import kept, speech
from terminal import run

from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order

TOML = """
[routes."/listen"]
sinks = ["voicemail"]
"""
SECONDS = 0.25


@dataclass
class Terminal:
    """Somebody at a terminal, beside a data directory."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "voicemail.toml").write_text(TOML)

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

    def wav(self, message: str, *options: str) -> bytes:
        """Return what `play` gives to a player."""
        return run("messages", "play", message, *options, *self.where).stdout

    def shell(self, *arguments: str) -> bytes:
        """Run a command as people do, in a process of its own; return what it wrote."""
        whole = [*COMMAND, *arguments, *self.where]
        return subprocess.run(whole, capture_output=True, check=True, timeout=60).stdout

    def mailbox(self) -> str:
        """Return the id of the first mailbox that is listed."""
        return self.run("mailboxes", "list").splitlines()[1].split()[0]

    def envelopes(self) -> list[bytes]:
        """Return the envelopes of message keys, zeros where they are destroyed."""
        with closing(sqlite3.connect(self.folder / "index.db")) as index:
            return [row[0] for row in index.execute("select envelope from message_keys")]

    def objects(self) -> dict[str, Path]:
        """Return the files of the store by message."""
        return {file.name[:26]: file for file in (self.folder / "store").rglob("*.lsv1")}

    def leave(self, number: int, seconds: float = SECONDS, **options: Any) -> list[str]:
        """Leave messages in the store, as a receiver ships them."""
        return asyncio.run(self._leave(number, seconds, **options))

    async def _leave(self, number: int, seconds: float, **options: Any) -> list[str]:
        async with kept(self.folder) as box:
            turn = asyncio.Semaphore(8)

            async def one() -> str:
                async with turn:
                    return await box.leave(speech(seconds), peaks=False, **options)

            return await asyncio.gather(*(one() for _ in range(number)))


def place(url: str) -> CallResult:
    """Place a call, as fast as it goes; return what was sent."""
    (call,) = Order(url=url, mix="stereo", speed=0).place()
    return asyncio.run(call.run())


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so; fail if it does not come about."""
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline, "it did not come about"
        Event().wait(0.02)


def everything(folder: Path) -> bytes:
    """Return every byte below a folder."""
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

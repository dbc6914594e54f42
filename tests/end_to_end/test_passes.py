"""Streams that come with a pass: into the right mailbox, found by their ticket, and nobody else."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest
from process import ServerProcess, server_process
from terminal import run
from ulid import ULID
from voicemail_terminal import TOML, Terminal, eventually

from listen_server.passes import LIFETIME, PURPOSE, Kind, Pass, Passes
from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.own_secrets import derived, number_secret
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.tickets import find_ticket, wait_for_ticket
from listen_sinks.voicemail.index.usage import count_messages

_T = TypeVar("_T")
TENANT = "acme"
A_SECOND = 16_400  # bytes: a chunk, sealed


class Desk:
    """Who sends callers to record, beside a data directory."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal(folder)
        folder_ = ("--data-dir", str(folder))
        assert run("credentials", "add", TENANT, *folder_).status == 0
        add = ("mailboxes", "add", "--tenant", TENANT)
        self.catch_all = self.terminal.run(*add, "reception").split()[0]
        self.mailbox = self.terminal.run(*add, "sales").split()[0]
        secret = derived(number_secret(folder / "numbers.secret"), PURPOSE)
        self.passes = Passes(secret)

    def ticket(self, moment: float | None = None) -> str:
        return str(ULID.from_timestamp(moment or time.time()))

    def send(
        self,
        server: ServerProcess,
        ticket: str,
        *,
        kind: Kind = "message",
        speed: float = 0.0,
        seconds: float | None = None,
        altered: Callable[[str, str], tuple[str, str]] = lambda *as_it_is: as_it_is,
    ) -> CallResult:
        """Send a caller to the server with a pass, as a listen verb does."""
        user, password = self.passes.issue(Pass(TENANT, self.mailbox, ticket, kind))
        user, password = altered(user, password)
        order = Order(
            url=server.url(),
            user=user,
            password=password,
            speed=speed,
            seconds=seconds,
            metadata=("mailbox=reception",),
        )
        (call,) = order.place()
        return asyncio.run(call.run())

    def ask(self, question: Callable[[Database], Awaitable[_T]]) -> _T:
        """Ask the index."""
        url = f"sqlite+aiosqlite:///{self.terminal.folder / 'index.db'}"

        async def asked() -> _T:
            database = await asyncio.to_thread(Database, url)
            try:
                return await question(database)
            finally:
                await database.close()

        return asyncio.run(asked())

    def known(self, ticket: str) -> bool:
        """Say whether anything came of a ticket yet."""
        return self.ask(lambda index: find_ticket(index, TENANT, ticket)) is not None

    def found(self, ticket: str, seconds: float = 10.0) -> Message:
        """Wait for what came of a ticket."""
        message = self.ask(lambda index: wait_for_ticket(index, TENANT, ticket, seconds))
        assert message is not None
        return message


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_stream_with_a_pass_goes_where_the_pass_says_and_others_are_refused(desk: Desk) -> None:
    ticket, greeting_ticket = desk.ticket(), desk.ticket()
    wrong: list[tuple[str, Callable[[str, str], tuple[str, str]]]] = [
        (desk.ticket(time.time() - LIFETIME - 60), lambda user, word: (user, word)),
        (desk.ticket(), lambda user, word: (user, word[:-1] + ("x" if word[-1] != "x" else "y"))),
        (desk.ticket(), lambda user, word: (user.replace("~m", "~g"), word)),
        (desk.ticket(), lambda user, word: (user.replace(TENANT, "other"), word)),
    ]
    with server_process(desk.terminal.folder, toml=TOML) as server:
        result = desk.send(server, ticket)
        message = desk.found(ticket)
        for refused, altered in wrong:
            assert " 401 " in (desk.send(server, refused, altered=altered).fault or "")
        desk.send(server, greeting_ticket, kind="greeting")
        greeting = desk.found(greeting_ticket)
        listed = desk.terminal.ids()
        rotated = desk.terminal.run("keys", "rotate", desk.mailbox)
        verified = desk.terminal.run("messages", "verify", "--all")
        tidied = desk.terminal.run("messages", "tidy")
        assert server.stop() == 0

    assert (message.mailbox, message.state, message.outcome) == (desk.mailbox, "new", "complete")
    assert message.seconds == pytest.approx(result.seconds)
    assert (greeting.mailbox, greeting.state) == (desk.mailbox, "greeting")
    assert listed == [message.id]
    assert "2" in rotated
    assert "2 part(s) are as they were shipped, and open" in verified
    assert "     0  messages erased" in tidied
    counts = desk.ask(lambda index: count_messages(index, TENANT, desk.mailbox))
    assert sum(counts.values()) == 1
    assert sum(desk.ask(lambda i: count_messages(i, TENANT, desk.catch_all)).values()) == 0
    log = "".join(server.raw)
    user, password = desk.passes.issue(Pass(TENANT, desk.mailbox, ticket))
    assert password not in log
    assert user not in log
    assert [line for line in server.log if line.get("reason") == "wrong pass"]


def test_after_a_kill_the_next_start_gives_messages_their_tickets(desk: Desk) -> None:
    kinds: dict[str, Kind] = {desk.ticket(): "message", desk.ticket(): "greeting"}
    with server_process(desk.terminal.folder, toml=TOML) as server:
        callers = [
            Thread(target=partial(desk.send, server, ticket, kind=kind, speed=2.0, seconds=120.0))
            for ticket, kind in kinds.items()
        ]
        for caller in callers:
            caller.start()
        eventually(lambda: len(begun(desk.terminal.folder / "spool")) == len(kinds))
        server.process.kill()
        server.process.wait()
        for caller in callers:
            caller.join()
    assert not any(desk.known(ticket) for ticket in kinds)

    with server_process(desk.terminal.folder, toml=TOML) as server:
        messages = {kind: desk.found(ticket) for ticket, kind in kinds.items()}
        listed = desk.terminal.ids()
        assert server.stop() == 0

    states = {kind: message.state for kind, message in messages.items()}
    assert states == {"message": "new", "greeting": "greeting"}
    for message in messages.values():
        assert (message.mailbox, message.outcome) == (desk.mailbox, "interrupted")
        assert message.reason == "server killed"
        assert message.seconds > 1.0
    assert listed == [messages["message"].id]


def begun(spool: Path) -> list[Path]:
    """Return the messages of which a second of audio is in the spool."""
    return [one for one in spool.rglob("*.audio") if one.stat().st_size > A_SECOND]

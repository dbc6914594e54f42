"""Calls of a server of two workers: whichever is asked knows and commands all of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from harness import until
from jambonz.peer import Socket
from process import ServerProcess, server_process

from listen_sinks.voicemail.index.audit_check import check_audit
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.own_secrets import audit_key

HERE = str(Path(__file__).parent)
DESK = '[applications."/desk"]\napplication = "desk_app:Desk"\n'
PAUSE = {"command": "listen:status", "data": {"listen_status": "pause"}}
CALLS = 12  # spread over the workers by their addresses: all in one of them once in 2,000 times
PATIENCE = 5.0  # seconds after which another connection may lead to a worker that is alive


KILLED = "1-4194999.sock"  # of a worker that is no more, and had a number that none has
NO_CONNECTION_TWICE = httpx2.Limits(max_keepalive_connections=0)


@dataclass
class Server:
    """A server of two workers, and jambonz with a call on each of some sockets."""

    process: ServerProcess
    jambonz: dict[str, Socket]
    client: httpx2.AsyncClient

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}/api/v1/calls"

    def pids(self) -> list[int]:
        """Return the processes of the workers, in the order of their start."""
        return [entry["pid"] for entry in self.process.log if entry["event"] == "worker started"]

    async def calls(self) -> tuple[set[str], int]:
        """Return what a worker, whichever, says is on, and how many did not answer it."""
        told = (await self.ask("GET", self.url)).json()
        return {one["call_sid"] for one in told["calls"]}, told["unanswered_workers"]

    async def command(self, sid: str) -> httpx2.Response:
        """Command a call."""
        return await self.client.post(f"{self.url}/{sid}/commands", json=PAUSE, timeout=60)

    async def ask(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Ask over a new connection, and over another one where that leads to who is away."""
        for _ in range(40):
            try:
                return await self.client.request(method, url, **options)
            except httpx2.HTTPError:
                continue
        raise AssertionError("no worker answers")


def leave_a_door(data_dir: Path) -> None:
    """Leave what a worker has left that was killed together with its parent."""
    (data_dir / "run").mkdir()
    (data_dir / "run" / KILLED).touch()


async def audited(data_dir: Path) -> int:
    """Return how many commands the audit log has; it is whole."""
    key = await asyncio.to_thread(audit_key, data_dir / "audit.key")
    database = await asyncio.to_thread(Database, f"sqlite+aiosqlite:///{data_dir / 'index.db'}")
    report = await check_audit(database, AuditLog(key).trusted)
    await database.close()
    assert report.problems == ()
    assert report.chains == 2  # so both were asked
    return report.entries - report.chains  # each begins with an entry of its own


@asynccontextmanager
async def server(data_dir: Path) -> AsyncIterator[Server]:
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(leave_a_door, data_dir)
        starting = server_process(data_dir, "--open", "--workers", "2", toml=DESK, PYTHONPATH=HERE)
        process = await asyncio.to_thread(starting.__enter__)
        stack.push_async_callback(asyncio.to_thread, starting.__exit__, None, None, None)
        address = f"127.0.0.1:{process.port}/desk"
        sids = [f"call-{number}" for number in range(CALLS)]
        sockets = {sid: await Socket.open(address, sid=sid) for sid in sids}
        for socket in sockets.values():
            stack.push_async_callback(socket.connection.close)
            await socket.new()
        client = httpx2.AsyncClient(trust_env=False, timeout=PATIENCE, limits=NO_CONNECTION_TWICE)
        yield Server(process, sockets, await stack.enter_async_context(client))


async def test_either_worker_shows_and_commands_the_calls_of_both_while_both_live(
    tmp_path: Path,
) -> None:
    async with server(tmp_path) as on:
        await both_are_shown_and_commanded(on)
        first = on.pids()[0]
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(on.pids()) > 2)
        left = await settled(on)
        living = {sid for sid, one in on.jambonz.items() if one.connection.close_code is None}

    assert await audited(tmp_path) == CALLS  # once each, by the worker that was asked
    assert 0 < len(left) < CALLS  # calls of the dead are over, until jambonz has come back
    assert left == living
    assert not list((tmp_path / "run").glob(f"*-{first}.*"))
    assert not (tmp_path / "run" / KILLED).exists()


async def both_are_shown_and_commanded(on: Server) -> None:
    shown = [await settled(on) for _ in range(4)]
    answers = await asyncio.gather(*(on.command(sid) for sid in on.jambonz))
    got = [await one.commands.get() for one in on.jambonz.values()]
    nobody = await on.command("nobody")

    assert shown == [set(on.jambonz)] * 4
    assert {answer.status_code for answer in answers} == {202}
    assert [one["command"] for one in got] == ["listen:status"] * CALLS
    assert nobody.status_code == 404


async def settled(on: Server) -> set[str]:
    """Return which calls are on as soon as both workers answer."""
    async with asyncio.timeout(60):
        while (told := await on.calls())[1]:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.05)
    return told[0]

"""Processes that are killed, two at once, and a database that is away."""

import asyncio
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from message_index import without_patience_for_locks
from outboxes import delivering, make_event, wants_all
from ulid import ULID
from webhook_receiver import Received, Receiver

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.event_log import Which, list_events
from listen_sinks.voicemail.index.outbox import put_alone, subscribe
from listen_sinks.webhook.events import Event

TESTS = Path(__file__).parents[2]


@asynccontextmanager
async def deliverer(
    url: str, receiver: Receiver, speed: float, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Deliver in a process of its own, which is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TESTS / "killed_deliverer.py"),
        *(url, str(receiver.port), str(speed), *options),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def an_outbox(url: str, *events: Event) -> None:
    database = Database(url)
    await subscribe(database, wants_all("crm"))
    await put_alone(database, events)
    await database.close()


async def test_killed_between_delivery_and_its_record_it_is_delivered_again_under_its_id(
    url: str, receiver: Receiver
) -> None:
    event = make_event()
    await an_outbox(url, event)

    async with deliverer(url, receiver, 50, "stuck"):
        await receiver.until_accepted(1)
    async with deliverer(url, receiver, 50):
        await receiver.until_accepted(2)
        await _until_delivered(url)

    assert receiver.accepted == [event.id, event.id]
    assert receiver.received[0].body == receiver.received[1].body


async def test_two_processes_deliver_each_event_once_and_in_order(
    url: str, receiver: Receiver
) -> None:
    messages = [str(ULID()) for _ in range(20)]
    events = [make_event(message, part=part) for part in range(5) for message in messages]
    await an_outbox(url, *events)

    async with deliverer(url, receiver, 1), deliverer(url, receiver, 1):
        await receiver.until_accepted(len(events))
        await _until_delivered(url)

    assert Counter(receiver.accepted) == Counter(event.id for event in events)
    for message in messages:
        parts = [data["part"] for data in receiver.told("data") if data["message"] == message]
        assert parts == list(range(5))


async def test_while_the_database_is_away_events_wait(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    database = await without_patience_for_locks(sqlite_url)
    async with delivering(database, {"crm": receiver}, events=[make_event()]):
        await receiver.until_accepted(1)
        async with locked(tmp_path / "index.db"):
            await asyncio.sleep(0.5)  # time for it to find out, and to go on finding out
        await put_alone(database, [make_event()])
        await receiver.until_accepted(2)
    await database.close()


async def test_what_arrived_while_the_database_went_away_comes_again(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly(_: Received) -> int:
        asked.set()
        await answer.wait()
        return 200

    receiver.answer = slowly
    database = await without_patience_for_locks(sqlite_url)
    async with delivering(database, {"crm": receiver}, events=[make_event()], speed=100):
        await asked.wait()
        async with locked(tmp_path / "index.db"):
            answer.set()
            await receiver.until_accepted(1)
            await asyncio.sleep(0.5)  # in which it cannot be written down
        await receiver.until_accepted(2)
    await database.close()

    assert len(set(receiver.accepted)) == 1


async def test_what_another_process_tells_arrives_though_the_database_is_open_twice_here(
    sqlite_url: str, receiver: Receiver
) -> None:
    database, beside = Database(sqlite_url), Database(sqlite_url)
    async with delivering(database, {"crm": receiver}, events=[make_event()]):
        await receiver.until_accepted(1)
        await list_events(beside, Which())
        for count in (2, 3):
            await _in_another_process(sqlite_url)
            await receiver.until_accepted(count)
    await database.close()
    await beside.close()


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold the database's only lock."""

    def lock() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    connection = await asyncio.to_thread(lock)
    try:
        yield
    finally:
        await asyncio.to_thread(connection.rollback)
        await asyncio.to_thread(connection.close)


async def _in_another_process(url: str) -> None:
    """Put an event, and close the database: SQLite's files go with who thinks he is the last."""
    program = """if True:
        import asyncio, sys
        from outboxes import make_event
        from listen_sinks.voicemail.index.database import Database
        from listen_sinks.voicemail.index.outbox import put_alone

        async def main():
            database = Database(sys.argv[1])
            await put_alone(database, [make_event()])
            await database.close()

        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, url), env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    assert await process.wait() == 0


async def _until_delivered(url: str) -> None:
    database = Database(url)
    async with asyncio.timeout(20):
        states: set[str] = set()
        while states != {"delivered"}:
            found = await list_events(database, Which(), limit=1000)
            states = {one.state for event in found for one in event.deliveries}
    await database.close()

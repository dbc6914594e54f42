import asyncio
import gc
import sqlite3
import stat
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from message_index import make_mailbox, make_part, ship, without_patience_for_locks
from postgres import Postgres
from sqlalchemy import Engine, event, select, text

from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.schema import MessageRow, TenantRow
from listen_sinks.voicemail.index.shipping import record_shipped
from listen_sinks.voicemail.index.tenants import ensure_tenant, list_tenants
from listen_sinks.voicemail.index.usage import mailbox_usage


@asynccontextmanager
async def opened(url: str, patience: float = 2.0) -> AsyncIterator[Database]:
    """Have a database that is opened when it is first used."""
    database = Database(url, patience=patience)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def impatient(url: str) -> AsyncIterator[Database]:
    """Open a database that waits for no lock."""
    database = await without_patience_for_locks(url)
    try:
        yield database
    finally:
        await database.close()


def url_below(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/index.db"


async def test_two_hundred_calls_that_end_at_once_are_all_recorded(url: str) -> None:
    async with opened(url, 30.0) as database:
        mailbox = await make_mailbox(database)

        parts = await asyncio.gather(*[ship(database, mailbox.id) for _ in range(200)])

        usage = await mailbox_usage(database, "acme", mailbox.id)
    assert usage.messages == len({part.message for part in parts}) == 200


async def test_a_transaction_that_raises_changes_nothing(database: Database) -> None:
    await ensure_tenant(database, "acme")

    async def change_and_fail() -> None:
        async with database.writing() as session:
            row = await session.get_one(TenantRow, "acme")
            row.settings = {"changed": True}
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()

    assert [tenant.settings for tenant in await list_tenants(database)] == [{}]


async def test_a_reader_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    mailbox = await make_mailbox(database)
    query = select(MessageRow.id)

    async with database.reading() as session:
        before = (await session.scalars(query)).all()
        await ship(database, mailbox.id)
        assert (await session.scalars(query)).all() == before == []

    assert len((await list_messages(database, "acme")).messages) == 1


async def test_nothing_is_written_by_a_reader_on_postgresql(postgres_url: str) -> None:
    async with opened(postgres_url) as database:
        with pytest.raises(IndexAway, match="cannot be written"):
            async with database.reading() as session:
                await session.execute(text("DELETE FROM tenants"))


async def test_sqlite_keeps_what_it_told_of_and_nothing_that_was_deleted(tmp_path: Path) -> None:
    async with opened(url_below(tmp_path)) as database, database.reading() as session:
        found = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in (
                "journal_mode",
                "synchronous",
                "secure_delete",
                "foreign_keys",
                "temp_store",
            )
        ]

    full, memory = 2, 2
    assert found == ["wal", full, 1, 1, memory]


async def test_nobody_else_reads_sqlites_files(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    async with opened(url_below(folder)) as database:
        await ensure_tenant(database, "acme")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert modes == {"index.db": 0o600, "index.db-wal": 0o600, "index.db-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_locked_database_is_away_until_it_is_unlocked(tmp_path: Path) -> None:
    async with impatient(url_below(tmp_path)) as database:
        mailbox = await make_mailbox(database)
        part = make_part(mailbox.id)
        other = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")

        for _ in range(2):
            with pytest.raises(IndexAway, match="the index is locked"):
                await record_shipped(database, part)
        assert (await list_messages(database, "acme")).messages == ()

        other.execute("ROLLBACK")
        other.close()
        assert await record_shipped(database, part) == "new"


async def test_many_who_wait_for_a_locked_database_are_told_together(tmp_path: Path) -> None:
    async with impatient(url_below(tmp_path)) as database:
        mailbox = await make_mailbox(database)
        other = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")

        async with asyncio.timeout(5):
            told = await asyncio.gather(
                *[record_shipped(database, make_part(mailbox.id)) for _ in range(100)],
                return_exceptions=True,
            )

        other.close()
        assert {type(one) for one in told} == {IndexAway}
        assert await record_shipped(database, make_part(mailbox.id)) == "new"


async def test_a_process_that_starts_while_the_database_is_locked_reads_all_the_same(
    tmp_path: Path,
) -> None:
    async with opened(url_below(tmp_path)) as database:
        await ensure_tenant(database, "acme")
    other = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async with impatient(url_below(tmp_path)) as database:
        assert len(await list_tenants(database)) == 1

    other.close()


async def test_a_first_start_while_the_database_is_locked_is_made_up_for_later(
    tmp_path: Path,
) -> None:
    other = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN EXCLUSIVE")

    async with opened(url_below(tmp_path), 0.2) as database:
        with pytest.raises(IndexAway):
            await ensure_tenant(database, "acme")
        other.execute("ROLLBACK")
        database.patience = 2.0
        assert (await ensure_tenant(database, "acme")).id == "acme"

    other.close()


@pytest.mark.parametrize("statement", [0, 1, 2])
async def test_who_is_cancelled_in_the_middle_of_a_statement_keeps_nobody_from_writing(
    tmp_path: Path, statement: int
) -> None:
    begun = count()

    def cancel(*_: object) -> None:
        if next(begun) == statement:
            writer.cancel()  # it is executed by a thread all the same

    async with opened(url_below(tmp_path)) as database:
        await ensure_tenant(database, "acme")
        event.listen(Engine, "before_cursor_execute", cancel)
        try:
            writer = asyncio.create_task(ensure_tenant(database, "acme"))
            (ended,) = await asyncio.gather(writer, return_exceptions=True)
        finally:
            event.remove(Engine, "before_cursor_execute", cancel)

        assert isinstance(ended, asyncio.CancelledError)
        assert (await ensure_tenant(database, "acme")).id == "acme"


async def test_a_folder_that_is_not_mounted_yet_is_away(tmp_path: Path) -> None:
    (tmp_path / "volume").write_text("not a folder")

    async with opened(url_below(tmp_path / "volume"), 0.2) as database:
        with pytest.raises(IndexAway):
            await database.open()

        (tmp_path / "volume").unlink()
        await database.open()


async def test_a_file_that_is_no_database_is_away_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"something else" * 1000)

    async with opened(url_below(tmp_path)) as database:
        with pytest.raises(IndexAway, match="is damaged"):
            await database.open()

    assert (tmp_path / "index.db").read_bytes() == b"something else" * 1000


async def test_a_server_that_is_stopped_and_started_is_away_and_comes_back(
    postgres: Postgres, postgres_url: str
) -> None:
    cluster = postgres.cluster()
    async with opened(postgres_url) as database:
        mailbox = await make_mailbox(database)
        before = await ship(database, mailbox.id)
        after = make_part(mailbox.id)

        await asyncio.to_thread(cluster.stop)
        try:
            for _ in range(3):
                with pytest.raises(IndexAway, match="cannot be reached"):
                    await record_shipped(database, after)
        finally:
            await asyncio.to_thread(cluster.start)

        assert await record_shipped(database, after) == "new"
        found = {one.id for one in (await list_messages(database, "acme")).messages}
        assert found == {before.message, after.message}


async def test_a_server_that_says_nothing_any_more_is_away(
    postgres: Postgres, postgres_url: str
) -> None:
    cluster = postgres.cluster()
    async with opened(postgres_url) as database:
        mailbox = await make_mailbox(database)
        part = make_part(mailbox.id)

        await asyncio.to_thread(cluster.freeze)
        database.patience = 0.2
        try:
            async with asyncio.timeout(10):
                with pytest.raises(IndexAway):
                    await record_shipped(database, part)
        finally:
            await asyncio.to_thread(cluster.freeze, on=False)
            database.patience = 2.0

        assert await _until_back(lambda: record_shipped(database, part)) in ("new", "known")


async def test_a_server_that_is_not_there_at_the_start_is_waited_for(
    postgres: Postgres, postgres_url: str
) -> None:
    cluster = postgres.cluster()
    async with opened(postgres_url) as database:
        await asyncio.to_thread(cluster.stop)
        try:
            with pytest.raises(IndexAway):
                await ensure_tenant(database, "acme")
        finally:
            await asyncio.to_thread(cluster.start)

        assert (await ensure_tenant(database, "acme")).id == "acme"


async def test_what_is_said_of_a_database_that_is_away_holds_no_password(tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://tests:canary@/nothing?host={tmp_path}"

    async with opened(url, 0.2) as database:
        with pytest.raises(IndexAway) as raised:
            await database.open()

    assert "canary" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("not a url", "use sqlite"),
        ("mysql://root:canary@host/db", "'mysql' is not supported"),
        ("postgresql://host/db", r"use .* postgresql\+asyncpg://"),
        ("sqlite:////tmp/index.db", r"use sqlite\+aiosqlite://"),
        ("sqlite+aiosqlite://", "SQLite needs a file"),
        ("sqlite+aiosqlite:///:memory:", "SQLite needs a file"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_the_fix(url: str, hint: str) -> None:
    with pytest.raises(SinkError, match=hint) as raised:
        Database(url)
    assert "canary" not in str(raised.value)


async def _until_back(ask: Callable[[], Awaitable[str]]) -> str:
    """Ask again while it is away, as a shipper does."""
    for _ in range(20):
        try:
            return await ask()
        except IndexAway:
            continue
    return await ask()


async def test_closing_waits_for_whoever_is_inside_and_leaves_no_connection_behind(
    tmp_path: Path,
) -> None:
    database = await asyncio.to_thread(Database, url_below(tmp_path))
    inside, may_go = asyncio.Event(), asyncio.Event()

    async def use() -> None:
        async with database.reading() as session:
            await session.execute(select(TenantRow))
            inside.set()
            await may_go.wait()

    using = asyncio.create_task(use())
    await inside.wait()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    assert not closing.done()
    may_go.set()
    await asyncio.gather(using, closing)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(one.message) for one in said if one.category is ResourceWarning] == []

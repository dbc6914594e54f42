import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from message_index import make_erasures, make_key, make_mailbox, make_part, ship
from postgres import Postgres
from sqlalchemy import select, text

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.destroying import Destroyed, destroy_messages
from listen_sinks.voicemail.index.erasure import erase_mailbox, erase_message
from listen_sinks.voicemail.index.erasures import first_values
from listen_sinks.voicemail.index.mailbox_keys import list_keys, replace_wrapped
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.parts import list_message_keys, replace_message_key
from listen_sinks.voicemail.index.schema import ErasureRow, MessageRow
from listen_sinks.voicemail.index.shipping import record_shipped

ACTOR = "user:01kb"


def contents(folder: Path, *, without: str = "") -> bytes:
    """Read every byte of every file."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(p.read_bytes() for p in paths if not without or without not in p.parts)


def left(secrets: Iterable[bytes], folder: Path, *, without: str = "") -> int:
    """Count the secrets of which anything is left: sixteen bytes in a row, at three places."""
    data = contents(folder, without=without)
    places = [
        [one[at : at + 16] for at in range(0, len(one) - 15, max(16, len(one) // 3))]
        for one in secrets
    ]
    return sum(any(piece in data for piece in pieces) for pieces in places)


@asynccontextmanager
async def opened(url: str, patience: float = 5.0) -> AsyncIterator[Database]:
    database = Database(url, patience=patience)
    yield database
    await database.close()


async def test_an_erased_key_is_nowhere_in_sqlites_files(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url) as database:
        mailbox = await make_mailbox(database)
        part = await ship(database, mailbox.id, tails=os.urandom(300), caller="c0ffee" * 10)
        stays = await ship(database, mailbox.id)
        secrets = [part.envelope, part.tails, part.digest, *part.values.values()]
        assert left(secrets, tmp_path / "db") == len(secrets)

        receipt = await erase_message(
            make_erasures(database, tmp_path / "kept"), "acme", part.message, actor=ACTOR
        )

        assert receipt.scrubbed_at is not None
        assert left(secrets, tmp_path / "db") == 0
        assert b"c0ffee" not in contents(tmp_path / "db")
        assert left([stays.envelope], tmp_path / "db") == 1


async def test_a_key_waits_in_the_journal_for_a_reader_and_goes_when_that_has_gone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url, patience=2.0) as database:
        mailbox = await make_mailbox(database)
        part = await ship(database, mailbox.id)
        erasures = make_erasures(database, tmp_path / "kept")

        async with database.reading() as session:
            await session.execute(select(MessageRow.id))
            receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)
            assert receipt.scrubbed_at is None
            assert left([part.envelope], tmp_path / "db") == 1
            assert await record_shipped(database, make_part(mailbox.id)) == "new"

        (again,) = await erasures.unfinished()
        assert again.scrubbed_at is not None
        assert left([part.envelope], tmp_path / "db") == 0


async def test_a_scrub_goes_on_until_a_reader_of_another_process_has_gone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url, patience=20.0) as database:
        mailbox = await make_mailbox(database)
        part = await ship(database, mailbox.id)
        reader = sqlite3.connect(tmp_path / "db" / "index.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM message_keys").fetchall()
        erasures = make_erasures(database, tmp_path / "kept")

        erasing = asyncio.create_task(erase_message(erasures, "acme", part.message, actor=ACTOR))
        for _ in range(3):  # writers are not kept waiting by it
            await ship(database, mailbox.id)
        assert not erasing.done()
        reader.execute("COMMIT")
        reader.close()

        assert (await erasing).scrubbed_at is not None
        assert left([part.envelope], tmp_path / "db") == 0


async def test_the_keys_of_an_erased_mailbox_are_nowhere_in_sqlites_files(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url) as database:
        await make_mailbox(database)
        key = make_key()
        mailbox = await add_mailbox(database, "acme", key, profile=os.urandom(200))
        parts = [await ship(database, mailbox.id) for _ in range(5)]
        secrets = [key.wrapped, mailbox.profile or b"", *[part.envelope for part in parts]]
        assert left(secrets, tmp_path / "db") == len(secrets)

        await erase_mailbox(
            make_erasures(database, tmp_path / "kept"), "acme", mailbox.id, actor=ACTOR
        )

        assert left(secrets, tmp_path / "db") == 0


async def test_no_key_of_many_is_left_behind_where_rows_have_moved_about(
    sqlite_url: str, tmp_path: Path
) -> None:
    dice = random.Random(4)  # noqa: S311 - which of them go is no secret
    async with opened(sqlite_url) as database:
        mailbox = await make_mailbox(database)
        here: dict[str, bytes] = {}
        gone: list[bytes] = []
        for round_ in range(6):
            parts = [make_part(mailbox.id, values={"meta": os.urandom(50)}) for _ in range(40)]
            await asyncio.gather(*[record_shipped(database, part) for part in parts])
            here |= {part.message: part.envelope for part in parts}
            some = dice.sample(sorted(here), 35)
            await _destroy(database, some, f"{round_:026}")
            gone += [here.pop(message) for message in some]

        assert await database.scrub()

        assert len(gone) == 210
        assert left(gone, tmp_path / "db") == 0
        assert left(here.values(), tmp_path / "db") == len(here) == 30


async def test_the_old_self_of_a_key_that_was_sealed_or_wrapped_anew_goes_too(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url) as database:
        mailbox = await make_mailbox(database)
        for _ in range(60):
            await ship(database, mailbox.id)
        keys = await list_message_keys(database, mailbox.id, 1)
        (own,) = await list_keys(database, mailbox.id)

        for key in keys:
            await replace_message_key(
                database, key, replace(key, key_version=2, envelope=os.urandom(113))
            )
        await replace_wrapped(database, own, replace(own, wrapped=os.urandom(200)))
        assert await database.scrub()

        assert left([own.wrapped, *[key.envelope for key in keys]], tmp_path / "db") == 0
        async with database.reading() as session:
            assert (await session.execute(text("PRAGMA user_version"))).scalar_one() == 0


async def test_a_compact_sqlite_has_the_keys_that_live_and_no_row_of_those_that_went(
    sqlite_url: str,
) -> None:
    async with opened(sqlite_url) as database:
        mailbox = await make_mailbox(database)
        parts = [await ship(database, mailbox.id) for _ in range(6)]
        await _destroy(database, [part.message for part in parts[:4]], "0" * 26)

        assert await database.compact()

        async with database.reading() as session:
            rows = await session.execute(text("SELECT envelope FROM message_keys ORDER BY id"))
        assert [row[0] for row in rows] == [part.envelope for part in parts[4:]]


async def _checkpoint(database: Database) -> None:
    """Have everything written to the files, as the server does every few minutes."""
    async with database.writing() as session:
        await session.execute(text("CHECKPOINT"))


async def test_an_erased_key_is_nowhere_in_postgresqls_tables_and_in_its_log_for_a_while(
    postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    files = postgres.cluster().data
    async with opened(postgres_url) as database:
        mailbox = await make_mailbox(database)
        parts = [await ship(database, mailbox.id) for _ in range(16)]
        await _checkpoint(database)
        keys = [part.envelope for part in parts]
        assert left(keys, files, without="pg_wal") == 16

        for part in parts[4:12]:  # from the midst of pages
            erasures = make_erasures(database, tmp_path / "kept")
            assert (
                await erase_message(erasures, "acme", part.message, actor=ACTOR)
            ).scrubbed_at is not None
        await _checkpoint(database)

        assert left(keys[4:12], files, without="pg_wal") == 0
        assert left(keys[:4] + keys[12:], files, without="pg_wal") == 8
        assert left(keys[4:12], files) == 8


async def test_the_keys_of_an_erased_mailbox_and_all_words_are_nowhere_in_postgresqls_tables(
    postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    files = postgres.cluster().data
    async with opened(postgres_url) as database:
        await make_mailbox(database)
        key = make_key()
        mailbox = await add_mailbox(database, "acme", key, profile=os.urandom(200))
        big = {"transcript": os.urandom(9000)}  # more than a page
        parts = [await ship(database, mailbox.id, values=big) for _ in range(5)]
        await _checkpoint(database)
        secrets = [key.wrapped, mailbox.profile or b"", *[part.envelope for part in parts]]
        secrets += [part.values["transcript"] for part in parts]
        assert left(secrets, files, without="pg_wal") == len(secrets)

        receipt = await erase_mailbox(
            make_erasures(database, tmp_path / "kept"), "acme", mailbox.id, actor=ACTOR
        )
        await _checkpoint(database)
        assert receipt.scrubbed_at is not None
        assert left(secrets[:-5], files, without="pg_wal") == 0

        assert await database.compact()
        await _checkpoint(database)
        assert left(secrets, files, without="pg_wal") == 0


async def test_a_backup_that_reads_the_keys_puts_the_scrub_off_and_stops_nobody(
    postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, patience=2.0) as database, opened(postgres_url) as backup:
        mailbox = await make_mailbox(database)
        part = await ship(database, mailbox.id)
        erasures = make_erasures(database, tmp_path / "kept")

        async with backup.reading() as session:
            await session.execute(text("SELECT * FROM message_keys"))
            receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)
            assert receipt.scrubbed_at is None
            assert await record_shipped(database, make_part(mailbox.id)) == "new"

        (again,) = await erasures.unfinished()
        assert again.scrubbed_at is not None


async def _destroy(database: Database, messages: list[str], erasure: str) -> None:
    mailbox = None
    async with database.writing() as session:
        row = await session.get_one(MessageRow, messages[0])
        begun = first_values(erasure, "retention", row.tenant, mailbox, row.recorded_at)
        session.add(ErasureRow(**begun))
        await session.flush()
        await destroy_messages(session, messages, erasure, Destroyed())

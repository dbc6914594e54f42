"""What is deleted leaves the files too, not only the tables. README.md has what was measured.

SQLite: keys are overwritten in their place (schema.py), and old copies of pages lie in the
write-ahead log until a checkpoint cuts it to nothing, which no reader may be in the way of.
Whatever moves rows that have keys in them says so by `rows_move`: then the file is written anew.

PostgreSQL: VACUUM frees the place of a row and leaves its bytes there, in most pages until other
rows come; VACUUM FULL writes the table anew and drops the old file.
"""

import asyncio
from time import monotonic
from typing import Final

from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from listen_sinks.voicemail.index.engine import is_sqlite
from listen_sinks.voicemail.index.schema import Base, MessageKeyRow

_TRY: Final = 0.1  # seconds that a checkpoint waits for readers: writers wait for it meanwhile
_REST: Final = 0.05  # seconds, in which writers have their turn
_SECRET: Final = ("message_keys", "mailbox_keys", "mailboxes", "mailbox_pins")
_LOCK_NOT_AVAILABLE: Final = "55P03"
_MOVES: Final = "PRAGMA user_version"  # a number in SQLite's file that is ours: how often


async def rows_move(session: AsyncSession) -> None:
    """Take down that rows with keys change their length or go, and others may move with them."""
    connection = await session.connection()
    if is_sqlite(connection.engine.url):
        await connection.run_sync(tables_move)


def tables_move(connection: Connection) -> None:
    """Take down the same of whole tables, on SQLite."""
    moves = connection.exec_driver_sql(_MOVES).scalar_one()
    connection.exec_driver_sql(f"{_MOVES} = {moves + 1}")


async def forget_destroyed(session: AsyncSession) -> None:
    """Delete the rows of destroyed message keys; before everything is written anew."""
    await session.execute(delete(MessageKeyRow).where(MessageKeyRow.destroyed))
    await rows_move(session)


async def have_rows_moved(engine: AsyncEngine) -> bool:
    """Say whether SQLite's file has to be written anew."""
    async with engine.connect() as connection:
        return bool((await connection.exec_driver_sql(_MOVES)).scalar_one())


async def rewrite_file(engine: AsyncEngine) -> None:
    """Write SQLite's file anew from what is in it."""
    async with engine.connect() as connection:
        moves = (await connection.exec_driver_sql(_MOVES)).scalar_one()
        await connection.exec_driver_sql("VACUUM")
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        if (await connection.exec_driver_sql(_MOVES)).scalar_one() == moves:
            await connection.exec_driver_sql(f"{_MOVES} = 0")
        await connection.exec_driver_sql("COMMIT")


async def truncate_journal(engine: AsyncEngine, patience: float) -> bool:
    """Bring everything into SQLite's file and cut its journal to nothing."""
    deadline = monotonic() + patience
    async with engine.connect() as connection:
        waits = (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA busy_timeout = {_TRY * 1000:.0f}")
        try:
            while not await _truncated(connection):
                if monotonic() >= deadline:
                    return False
                await asyncio.sleep(_REST)
        finally:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits}")
    return True


async def rewrite_keys(engine: AsyncEngine, patience: float) -> bool:
    """Write PostgreSQL's tables of keys anew; the place of other deleted rows becomes free."""
    rewritten = await _vacuum_full(engine, _SECRET, patience)
    async with engine.connect() as connection:
        await connection.execute(text("VACUUM sealed_values, message_parts, messages"))
    return rewritten


async def rewrite_tables(engine: AsyncEngine, patience: float) -> bool:
    """Write all of PostgreSQL's tables anew."""
    return await _vacuum_full(engine, tuple(Base.metadata.tables), patience)


async def _truncated(connection: AsyncConnection) -> bool:
    row = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()
    return bool(row[0] == 0)


async def _vacuum_full(engine: AsyncEngine, tables: tuple[str, ...], patience: float) -> bool:
    async with engine.connect() as connection:
        await connection.execute(text(f"SET lock_timeout = {patience * 1000:.0f}"))
        try:
            for table in tables:
                await connection.execute(text(f"VACUUM FULL {table}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            return False  # a backup reads the table, say
        finally:
            if not connection.invalidated:
                await connection.execute(text("RESET lock_timeout"))
    return True

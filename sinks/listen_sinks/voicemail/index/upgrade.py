"""Brings the tables to this version, in one transaction. migrations/ says how, step by step."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import URL, Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.engine import BEGIN, is_sqlite, make_engine
from listen_sinks.voicemail.index.scrub import tables_move

# At INFO it tells with every start which kind of database it met.
logging.getLogger("alembic").setLevel(logging.WARNING)

STEPS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x6C697374656E31  # of PostgreSQL's advisory locks: ours by convention
_ALEMBIC: Final = Lock()  # a step speaks to one database, whose name is one for the process


def upgrade(url: URL, patience: float, steps: Path = STEPS) -> None:
    """Make or change the tables. Blocks: Alembic reads files, and is not async.

    Of several processes one does it, and the others find it done. Raises SinkError if the tables
    are of a newer version, and what the driver raises.
    """
    script = ScriptDirectory(str(steps))
    newest = script.get_current_head()  # reads all of them, so that nothing is read below
    engine = make_engine(url, patience, alone=True)
    with _ALEMBIC:
        asyncio.run(_upgrade(engine, script, newest))


async def _upgrade(engine: AsyncEngine, script: ScriptDirectory, newest: str | None) -> None:
    def is_done(connection: Connection) -> bool:
        return MigrationContext.configure(connection).get_current_revision() == newest

    def run(connection: Connection) -> None:
        _run(connection, script)

    try:
        async with engine.execution_options(**{BEGIN: "BEGIN"}).connect() as connection:
            if await connection.run_sync(is_done):
                return
        async with engine.execution_options(**{BEGIN: "BEGIN EXCLUSIVE"}).begin() as connection:
            if not is_sqlite(engine.url):
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _run(connection: Connection, script: ScriptDirectory) -> None:
    def missing(heads: Any, _context: MigrationContext) -> Iterable[MigrationStep]:
        steps = list(script.iterate_revisions("head", heads, implicit_base=True))
        return [
            MigrationStep.upgrade_from_script(script.revision_map, step) for step in steps[::-1]
        ]

    options = {"fn": missing, "transactional_ddl": True}
    context = MigrationContext.configure(connection, opts=options)
    is_new = context.get_current_revision() is None
    try:
        with context.begin_transaction(), Operations.context(context):
            context.run_migrations()
    except RevisionError as error:
        raise SinkError(
            "database: its tables are those of another version of listen-server, newer than this "
            "one; use that version, or restore the database from before the upgrade"
        ) from error
    if is_sqlite(connection.engine.url):
        if _broken_reference(connection):
            raise SinkError("database: a row refers to one that is not there; restore a backup")
        if not is_new:
            tables_move(connection)


def _broken_reference(connection: Connection) -> bool:
    return connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None

"""How a database is spoken to: SQLite's pragmas and transactions, PostgreSQL's timeouts.

database.py opens transactions on what is made here.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from listen_sinks.api import SinkError

_SQLITE: Final = "sqlite"
BEGIN: Final = "listen_begin"
"""Execution option: what a transaction on SQLite begins with; empty: there is none."""

_DRIVERS: Final = {_SQLITE: "aiosqlite", "postgresql": "asyncpg"}
# Seconds until it has to answer. Without a password asyncpg would look for one in files, at each
# connection, on the event loop.
_POSTGRES: Final = {"timeout": 5.0}
_MAKING: Final = Lock()  # nobody opens a file before who has made it has closed it
_CONNECTIONS: Final = 5  # at once; who waits for one is in a transaction, which has its time

# Order counts: waiting is allowed before the first statement that may find the file locked.
_PRAGMAS: Final = (
    "busy_timeout = {busy}",  # milliseconds
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit that was told of survives power loss
    "foreign_keys = {references}",
    "secure_delete = ON",  # what is deleted is overwritten, not only forgotten
    "temp_store = MEMORY",  # no rows in temporary files
)


class _Connection(sqlite3.Connection):
    """Gives its locks back when it is closed, also if whoever had it was cancelled.

    SQLite keeps a connection for as long as a statement of it is not at an end, and with it the
    lock of its transaction (https://sqlite.org/c3ref/close.html).
    """

    def close(self) -> None:
        """Take back what is not committed, and close."""
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


def read_url(url: str) -> URL:
    """Read a database url; raises SinkError if it is none that works here."""
    try:
        read = make_url(url)
    except ArgumentError:
        raise SinkError("database: this is no database url; use sqlite+aiosqlite:///PATH") from None
    kind, _, driver = read.drivername.partition("+")
    if driver != _DRIVERS.get(kind):
        raise SinkError(
            f"database: {read.drivername!r} is not supported; "
            "use sqlite+aiosqlite:///PATH or postgresql+asyncpg://USER:PASSWORD@HOST/NAME"
        )
    if kind == _SQLITE and (not read.database or read.database == ":memory:"):
        raise SinkError("database: SQLite needs a file; use sqlite+aiosqlite:///PATH")
    return read


def is_sqlite(url: URL) -> bool:
    """Say which of the two it is."""
    return url.get_backend_name() == _SQLITE


def make_engine(url: URL, busy: float, *, alone: bool = False) -> AsyncEngine:
    """Make an engine; connects to nothing yet. `busy` is how long to wait for a lock, seconds.

    `alone` is for who changes tables: without a pool, and rows may refer to what is not there
    for a moment. Imports the driver, from disk: not for the event loop. Raises SinkError if it
    is not installed.
    """
    pool: dict[str, Any] = {"poolclass": NullPool}
    if not alone:
        pool = {"pool_size": _CONNECTIONS, "max_overflow": 0, "pool_timeout": None}
    sqlite = is_sqlite(url)
    given = {"factory": _Connection} if sqlite else _POSTGRES | {"password": url.password or ""}
    try:
        engine = create_async_engine(
            url,
            hide_parameters=True,  # of statements in the text of errors
            connect_args=given,
            pool_pre_ping=not sqlite,  # a connection may be of a server that has been restarted
            **pool,
        )
    except ModuleNotFoundError as error:
        raise SinkError(
            f"database: {error.name} is not installed: pip install 'listen-server[postgres]'"
        ) from error
    if sqlite:
        _speak_sqlite(engine, round(busy * 1000), "OFF" if alone else "ON")
    return engine


def make_file(url: URL) -> None:
    """Make SQLite's file, and the folders above it, readable by nobody else. Blocks.

    SQLite gives its journal and its index of that the mode of the file. One that is there is not
    even opened: to close it would drop every lock that this process has on it, and another that
    takes itself for the last would delete the journal (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    path = Path(url.database or "")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _MAKING:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if path.is_dir() or not os.access(path, os.R_OK | os.W_OK):
                raise


def _speak_sqlite(engine: AsyncEngine, busy: int, references: str) -> None:
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Python's driver would begin transactions late, and by itself; we do it below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma.format(busy=busy, references=references)}")
        cursor.close()

    def begun(connection: Connection) -> None:
        if begin := connection.get_execution_options()[BEGIN]:
            connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)

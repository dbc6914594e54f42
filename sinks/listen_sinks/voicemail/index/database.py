"""The database behind the index: opened when it is first needed, asked in transactions.

    Database -> reading() / writing() -> a session, for the other files of this folder
             -> scrub() / compact()   -> what was deleted leaves the files too (scrub.py)

Whatever keeps it from answering is IndexAway (away.py).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from listen_sinks.voicemail.index import scrub
from listen_sinks.voicemail.index.away import told_as_away
from listen_sinks.voicemail.index.engine import (
    BEGIN,
    is_sqlite,
    make_engine,
    make_file,
    read_url,
)
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.turns import Turns, Visitors
from listen_sinks.voicemail.index.upgrade import upgrade

PATIENCE: Final = 10.0  # seconds
_READING: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_FACTOR: Final = 3  # a transaction waits for more than one lock
_LONGEST: Final = 600.0  # seconds that writing tables anew may take


class Database:
    """SQLite in a file, or PostgreSQL. `patience` is how long to wait for locks, in seconds.

    Raises SinkError for a url that cannot work. Every method but `close` raises IndexAway, and
    SinkError where the tables are those of a newer version of this program.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._url = read_url(url)
        self.patience = patience
        self.is_sqlite = is_sqlite(self._url)
        self._opened: AsyncEngine | None = None
        self._openers, self._writers = Turns(), Turns()
        self._visitors = Visitors()

    async def open(self) -> None:
        """Make the tables, or bring them up to date; nothing if that is done."""
        if self._opened is None:
            async with self._openers.mine():
                if self._opened is None:
                    with told_as_away():
                        self._opened = await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Let go of every connection."""
        if self._opened is not None:
            async with self._visitors.nobody_inside(self.patience):
                await self._opened.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Give a session that sees one state of the database and changes nothing."""
        await self.open()
        async with self._session("BEGIN", **_READING) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose changes are made together at the end, or not at all."""
        await self.open()
        async with self._my_turn(), self._session("BEGIN IMMEDIATE") as session:
            yield session

    async def scrub(self) -> bool:
        """Get destroyed keys out of the files; False if others kept it from that: try again."""
        await self.open()
        if not self.is_sqlite:
            async with self._work():
                return await scrub.rewrite_keys(self._bare(), self.patience)
        async with self._writers.mine(), self._work():
            if await scrub.have_rows_moved(self._bare()):
                await scrub.rewrite_file(self._bare())
        async with self._work():
            return await scrub.truncate_journal(self._bare(), self.patience)

    async def compact(self) -> bool:
        """Write every table anew, without what was deleted; False as with `scrub`.

        Takes a lock on what it writes, and as long as the tables are large.
        """
        async with self.writing() as session:
            await scrub.forget_destroyed(session)
        if self.is_sqlite:
            return await self.scrub()
        async with self._work():
            return await scrub.rewrite_tables(self._bare(), self.patience)

    def _open(self) -> AsyncEngine:
        engine = make_engine(self._url, self.patience)
        if self.is_sqlite:
            make_file(self._url)
        upgrade(self._url, self.patience)
        return engine

    @property
    def _engine(self) -> AsyncEngine:
        if self._opened is None:
            raise IndexAway("the index is not open")
        return self._opened

    def _bare(self) -> AsyncEngine:
        if self.is_sqlite:
            return self._engine.execution_options(**{BEGIN: ""})
        return self._engine.execution_options(isolation_level="AUTOCOMMIT")

    def _my_turn(self) -> AbstractAsyncContextManager[None]:
        return self._writers.mine() if self.is_sqlite else nullcontext()

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[None]:
        with told_as_away():
            async with self._visitors.inside(), asyncio.timeout(_LONGEST):
                yield

    @asynccontextmanager
    async def _session(self, begin: str, **postgres: Any) -> AsyncIterator[AsyncSession]:
        options = {BEGIN: begin} if self.is_sqlite else postgres
        engine = self._engine.execution_options(**options)
        with told_as_away():
            async with (
                self._visitors.inside(),
                asyncio.timeout(_FACTOR * self.patience),
                AsyncSession(engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

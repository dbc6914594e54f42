"""An index on each of the databases that the outbox can be in."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from postgres import Postgres, postgres  # noqa: F401 - a fixture, found by being here
from tables import lay_tables
from webhook_receiver import Receiver

from listen_sinks.voicemail.index.database import Database


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The url of a PostgreSQL database with empty tables."""
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The url of an SQLite database that is not there yet."""
    return f"sqlite+aiosqlite:///{tmp_path}/index.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The url of a database of either kind, with empty tables."""
    if request.param == "sqlite":
        lay_tables(tmp_path)
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """That database, opened when it is first used."""
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A service that takes every event."""
    async with Receiver().running() as running:
        yield running

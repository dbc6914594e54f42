"""An index on each of the databases that it can be in."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from message_index import make_erasures
from postgres import Postgres, postgres  # noqa: F401 - a fixture, found by being here
from tables import lay_tables

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The url of a PostgreSQL database with empty tables."""
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The url of an SQLite database that is not there yet."""
    return f"sqlite+aiosqlite:///{tmp_path}/db/index.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The url of a database of either kind, with empty tables."""
    if request.param == "sqlite":
        lay_tables(tmp_path / "db")
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """That database, opened when it is first used."""
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
def erasures(database: Database, tmp_path: Path) -> Erasures:
    """What erases in that database."""
    return make_erasures(database, tmp_path / "kept")

"""A real PostgreSQL for tests: that of LISTEN_TEST_POSTGRES, else one of our own on a unix socket.

Our own is started from the binaries in PATH or of Debian's package, as an unprivileged user
(PostgreSQL refuses root), in a folder below the system's temporary one, and is gone afterwards.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, NullPool, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import Base

_VARIABLE = "LISTEN_TEST_POSTGRES"
_USERS = ("postgres", "nobody")  # whose rights to take when the tests run as root
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",  # nobody cuts the power
    "autovacuum=off",  # nothing tidies up but the code under test
    "checkpoint_timeout=1h",
    "shared_buffers=32MB",
)
_DROP = 'DROP DATABASE IF EXISTS "{}" WITH (FORCE)'
_LAST_WILL = 'read -r _; "$0" stop --mode=immediate --pgdata "$1"; rm -rf "$2"'
_NUMBERS = count(1)


@dataclass
class Cluster:
    """A server of our own, which tests may stop, freeze and look into."""

    binaries: Path
    folder: Path
    user: str | None  # None: whoever runs the tests

    @property
    def data(self) -> Path:
        """The folder with everything that it keeps."""
        return self.folder / "data"

    @contextmanager
    def gone_with_us(self) -> Iterator[None]:
        """Have it stopped and removed at the end, also if that is a `kill -9` of the tests."""
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        program = str(self.binaries / "pg_ctl")
        last_will = subprocess.Popen(
            ["sh", "-c", _LAST_WILL, program, str(self.data), str(self.folder)],
            stdin=subprocess.PIPE,  # which ends when the tests do
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **self._as_user(),
        )
        with last_will:
            yield

    def create(self) -> None:
        """Make an empty one."""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=tests", "--encoding=UTF8")

    def start(self) -> None:
        """Start it; it answers when this returns."""
        settings = [f"unix_socket_directories={self.folder}", *_SETTINGS]
        options = " ".join(f"-c {setting}" for setting in settings)
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """End it as a machine would that loses its power; it recovers at the next start."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def freeze(self, *, on: bool = True) -> None:
        """Stop all its processes where they are: they hold their connections and say nothing."""
        first = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True
        )
        for process in [first, *map(int, children.stdout.split())]:
            os.kill(process, signal.SIGSTOP if on else signal.SIGCONT)

    def url(self) -> URL:
        """Return the address of its own database."""
        return URL.create(
            "postgresql+asyncpg",
            username="tests",
            database="postgres",
            query={"host": str(self.folder)},
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / program), "--pgdata", str(self.data), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            text=True,
            check=False,
            **self._as_user(),
        )
        assert done.returncode == 0, done.stderr

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        group = pwd.getpwnam(self.user).pw_gid
        return {"user": self.user, "group": group, "extra_groups": []}


@dataclass
class Postgres:
    """Where databases for tests can be made."""

    admin: URL
    own: Cluster | None = None
    _free: list[str] = field(default_factory=list)  # with our tables, empty

    def cluster(self) -> Cluster:
        """Return the server if it is our own; skip the test if not."""
        if self.own is None:
            pytest.skip(f"needs a PostgreSQL of its own, and {_VARIABLE} names somebody's")
        return self.own

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the url of a database with our tables, which are empty."""
        url = self._free.pop() if self._free else asyncio.run(self._create(tables=True))
        yield url
        asyncio.run(_empty(make_url(url)))
        self._free.append(url)

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """Give the url of a database without any table."""
        url = asyncio.run(self._create(tables=False))
        yield url
        asyncio.run(_execute(self.admin, _DROP.format(make_url(url).database)))

    def clean_up(self) -> None:
        """Remove what is left."""
        for url in self._free:
            asyncio.run(_execute(self.admin, _DROP.format(make_url(url).database)))

    async def _create(self, *, tables: bool) -> str:
        name = f"listen_tests_{os.getpid()}_{next(_NUMBERS)}"
        await _execute(self.admin, f'CREATE DATABASE "{name}"')
        url = self.admin.set(database=name).render_as_string(hide_password=False)
        if tables:
            made = Database(url)
            await made.open()
            await made.close()
        return url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for all tests of a process."""
    if given := os.environ.get(_VARIABLE):
        somebodys = Postgres(make_url(given).set(drivername="postgresql+asyncpg"))
        yield somebodys
        somebodys.clean_up()
        return
    cluster = Cluster(_binaries(), Path(tempfile.mkdtemp(prefix="listen-pg-")), _user())
    with cluster.gone_with_us():
        cluster.create()
        cluster.start()
        yield Postgres(cluster.url(), cluster)


def _binaries() -> Path:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders:
        pytest.skip(f"there is no PostgreSQL here: install its server, or set {_VARIABLE}")
    return max(folders, key=lambda folder: float(folder.parent.name))


def _user() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in _USERS if user in known)


async def _empty(url: URL) -> None:
    """Empty our tables, whoever a test has left connected."""
    await _execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE",
    )


async def _execute(url: URL, *statements: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()

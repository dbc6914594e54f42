import asyncio
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from message_index import NOON, make_mailbox, ship
from postgres import Postgres
from sqlalchemy import Connection, insert, make_url
from ulid import ULID

from listen_sinks.api import SinkError
from listen_sinks.voicemail.index import database as database_module
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_check import AuditReport, check_audit
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.engine import BEGIN, is_sqlite, make_engine, make_file
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.schema import Base, MailboxRow, MessageRow, TenantRow
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.index.upgrade import STEPS, upgrade

_PROCESS = """
import asyncio, sys
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.tenants import ensure_tenant

async def main():
    database = Database(sys.argv[1])
    sys.stdin.readline()
    await ensure_tenant(database, sys.argv[2])
    await database.close()

asyncio.run(main())
"""

_NEXT_STEP = '''
"""A step of a later version, which writes a table anew that others refer to."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("mailboxes") as batch:
        batch.add_column(sa.Column("colour", sa.String(16), server_default="red"))
        batch.alter_column("settings", nullable=True)
    op.execute("UPDATE messages SET reason = 'upgraded'")
'''


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """The url of a database without tables."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.new_database() as url:
        yield url


@pytest.fixture
def later_steps(tmp_path: Path) -> Path:
    """The steps of a later version of this program."""
    steps = tmp_path / "later"
    shutil.copytree(STEPS, steps)
    newest = ScriptDirectory(str(STEPS)).get_current_head()
    later = _NEXT_STEP.replace("{newest}", str(newest))
    (steps / "versions" / "v9999_later.py").write_text(later)
    return steps


def steps_until(newest: str, folder: Path) -> Path:
    """Return the steps of an earlier version."""
    steps = folder / "earlier"
    shutil.copytree(STEPS, steps)
    for step in (steps / "versions").glob("v*.py"):
        if step.name[1:5] > newest:
            step.unlink()
    return steps


async def fill_as_before_tickets(url: str, mailbox: str, messages: list[str]) -> None:
    """Write rows as the version before did: none names the columns that came later."""
    tenant = {"id": "acme", "salt": bytes(32), "settings": {}, "created_at": NOON}
    box = {
        "id": mailbox,
        "tenant": "acme",
        "catch_all": True,
        "key_version": 1,
        "settings": {},
        "legal_hold": False,
        "created_at": NOON,
    }
    moments = dict.fromkeys(("state_changed_at", "started_at", "ended_at", "recorded_at"), NOON)
    message: dict[str, Any] = {"tenant": "acme", "mailbox": mailbox, "state": "new"}
    message |= {"outcome": "complete", "reason": "", "seconds": 1.0, "size": 9, **moments}
    message |= {"legal_hold": False}
    rows: list[tuple[Any, dict[str, Any]]] = [(TenantRow, tenant), (MailboxRow, box)]
    rows += [(MessageRow, {"id": one, **message}) for one in messages]
    engine = await asyncio.to_thread(make_engine, make_url(url), 5.0)
    async with engine.execution_options(**{BEGIN: "BEGIN"}).begin() as connection:
        for table, row in rows:
            await connection.execute(insert(table.__table__).values(**row))
    await engine.dispose()


async def test_the_steps_lead_to_the_tables_that_the_program_expects(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with database.reading() as session:
        found = await (await session.connection()).run_sync(differences)

    assert found == []


async def test_processes_that_start_at_once_make_the_tables_once(fresh_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PROCESS,
            fresh_url,
            f"tenant-{number}",
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for number in range(4)
    ]
    done = await asyncio.gather(*[process.communicate(b"go\n") for process in processes])

    assert [process.returncode for process in processes] == [0] * 4, done


async def test_two_databases_of_one_process_are_made_at_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite+aiosqlite:///{tmp_path}/{n}/index.db") for n in range(4)]

    await asyncio.gather(*[database.open() for database in databases])

    for database in databases:
        assert (await list_messages(database, "acme")).messages == ()
        await database.close()


async def test_a_later_step_keeps_every_row(fresh_url: str, later_steps: Path) -> None:
    database = Database(fresh_url)
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    await asyncio.to_thread(upgrade, make_url(fresh_url), 5.0, later_steps)
    await asyncio.to_thread(upgrade, make_url(fresh_url), 5.0, later_steps)

    (message,) = (await list_messages(database, "acme")).messages
    assert (message.id, message.mailbox, message.reason) == (part.message, mailbox.id, "upgraded")
    await database.close()


async def test_messages_from_before_tickets_stay_and_new_ones_have_theirs(
    fresh_url: str, tmp_path: Path
) -> None:
    earlier_steps = await asyncio.to_thread(steps_until, "0002", tmp_path)
    mailbox, ticket = str(ULID()), str(ULID())
    if is_sqlite(make_url(fresh_url)):
        await asyncio.to_thread(make_file, make_url(fresh_url))
    await asyncio.to_thread(upgrade, make_url(fresh_url), 5.0, earlier_steps)
    old = [str(ULID()), str(ULID())]
    await fill_as_before_tickets(fresh_url, mailbox, old)

    database = Database(fresh_url)
    new = await ship(database, mailbox, ticket=ticket)

    found = {one.id: one.ticket for one in (await list_messages(database, "acme")).messages}
    assert found == {old[0]: None, old[1]: None, new.message: ticket}
    one = await find_ticket(database, "acme", ticket)
    assert one is not None
    assert one.id == new.message
    await database.close()


async def test_what_machines_wrote_before_they_knew_each_others_keys_is_right_once_they_start_again(
    fresh_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = await asyncio.to_thread(steps_until, "0004", tmp_path)
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    with monkeypatch.context() as before:
        before.setattr(database_module, "upgrade", partial(upgrade, steps=earlier))
        old = Database(fresh_url)
        for key in keys:
            await AuditLog(key).note(old, AuditEvent("listen", "operator"))
        await old.close()

    databases = [Database(fresh_url) for _ in keys]
    logs = [AuditLog(key, bytes(32)) for key in keys]
    alone = await check_audit(databases[0], await logs[0].known_keys(databases[0]))
    await asyncio.gather(
        *[
            log.note(database, AuditEvent("listen", "operator"))
            for log, database in zip(logs, databases, strict=True)
        ]
    )
    together = await check_audit(databases[1], await logs[1].known_keys(databases[1]))

    assert len(alone.problems) == 1
    assert "not signed by a key that is trusted" in alone.problems[0].what
    assert together == AuditReport(chains=4, entries=8, machines=2, problems=())
    for database in databases:
        await database.close()


async def test_tables_of_a_newer_version_are_not_touched(tmp_path: Path, later_steps: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/index.db"
    await asyncio.to_thread(upgrade, make_url(url), 5.0, later_steps)
    before = (tmp_path / "index.db").read_bytes()

    database = Database(url)
    with pytest.raises(SinkError, match="newer than this one"):
        await database.open()
    await database.close()

    assert (tmp_path / "index.db").read_bytes() == before

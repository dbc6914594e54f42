from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from message_index import make_audit, make_erasures, make_mailbox, ship
from sqlalchemy import update
from ulid import ULID

from listen_sinks.voicemail.index import audit_reading
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_reading import AuditWanted, StoredEntry, read_audit
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.schema import AuditRow


async def read(database: Database, wanted: AuditWanted) -> list[StoredEntry]:
    return [entry async for entry in read_audit(database, wanted)]


async def subjects(database: Database, wanted: AuditWanted) -> list[str | None]:
    entries = await read(database, wanted)
    return [entry.event.subject for entry in entries if entry.event]


async def test_entries_of_all_processes_come_in_order_of_time_whatever_a_page_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = [make_audit() for _ in range(3)]
    written = [str(ULID()) for _ in range(12)]
    for number, subject in enumerate(written):
        await logs[number % 3].note(database, AuditEvent("listen", "user:01kb", subject))

    for page in (1, 4, 15, 16):
        monkeypatch.setattr(audit_reading, "_PAGE", page)
        found = await subjects(database, AuditWanted())
        assert [one for one in found if one] == written


async def test_entries_of_one_moment_are_each_there_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = make_audit()
    await log.note(database, *[AuditEvent("listen", "user:01kb") for _ in range(9)])
    async with database.writing() as session:
        await session.execute(update(AuditRow).values(at=datetime(2026, 1, 1, tzinfo=UTC)))

    monkeypatch.setattr(audit_reading, "_PAGE", 2)

    assert [one.number for one in await read(database, AuditWanted())] == list(range(10))


async def test_a_mailboxs_entries_are_those_of_its_messages_too_also_of_erased_ones(
    database: Database, tmp_path: Path
) -> None:
    log = make_audit()
    box, other = (await make_mailbox(database)).id, (await make_mailbox(database)).id
    kept, erased = await ship(database, box), await ship(database, box)
    others = await ship(database, other)
    about = (box, kept.message, f"{kept.message}:0", erased.message)
    for subject in (*about, others.message):
        await log.note(database, AuditEvent("listen", "user:01kb", subject))
    await log.note(database, AuditEvent("change", f"phone:{box}"))
    erasures = make_erasures(database, tmp_path)
    await erase_message(erasures, "acme", erased.message, actor="operator")

    found = await subjects(database, AuditWanted(mailbox=box))

    assert found == [*about, None, erased.message]
    assert others.message not in found
    assert others.message in await subjects(database, AuditWanted(tenant="acme"))
    assert await subjects(database, AuditWanted(tenant="nobody")) == []


async def test_what_and_since_when_can_be_asked_for(database: Database) -> None:
    log = make_audit()
    first = await log.note(database, AuditEvent("listen", "user:01kb"))
    await log.note(database, AuditEvent("export", "user:01kb"))
    (_, listened, exported) = await read(database, AuditWanted())

    assert listened.number == first.number
    assert await read(database, AuditWanted(verb="export")) == [exported]
    assert await read(database, AuditWanted(since=exported.at)) == [exported]
    assert await read(database, AuditWanted(since=exported.at + timedelta(seconds=1))) == []


@pytest.mark.parametrize("column", ["actor", "verb", "subject", "result"])
async def test_nothing_that_somebody_else_wrote_there_is_shown(
    database: Database, column: str
) -> None:
    log = make_audit()
    mark = await log.note(database, AuditEvent("listen", "user:01kb"))
    async with database.writing() as session:
        here = AuditRow.number == mark.number
        await session.execute(update(AuditRow).where(here).values({column: "442079460000"}))

    (_, changed) = await read(database, AuditWanted())

    assert changed.event is None

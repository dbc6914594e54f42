import asyncio
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from message_index import make_audit
from sqlalchemy import Update, delete, update
from ulid import ULID

from listen_sinks.voicemail.index.audit import AuditEntry, AuditEvent
from listen_sinks.voicemail.index.audit_check import AuditReport, check_audit
from listen_sinks.voicemail.index.audit_log import AuditLog, heads
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import AuditChainRow, AuditRow

MESSAGE = str(ULID())
LISTEN = AuditEvent("listen", "user:01kb", MESSAGE)


async def checked(database: Database) -> AuditReport:
    return await check_audit(database, make_audit().trusted)


async def test_processes_write_chains_of_their_own_and_all_are_right(database: Database) -> None:
    logs = [make_audit() for _ in range(3)]
    for _ in range(4):
        for log in logs:
            await log.note(database, LISTEN, AuditEvent("export", "user:01kb", MESSAGE))

    assert await checked(database) == AuditReport(3, 3 * (1 + 4 * 2), 1, ())


async def test_a_hundred_who_listen_at_once_are_all_in_the_log(database: Database) -> None:
    log = make_audit()

    marks = await asyncio.gather(*[log.note(database, LISTEN) for _ in range(100)])

    assert sorted(mark.number for mark in marks) == list(range(1, 101))
    assert await checked(database) == AuditReport(1, 101, 1, ())


async def test_what_is_taken_back_is_not_in_the_log_and_leaves_no_gap(database: Database) -> None:
    log = make_audit()

    async def fail() -> None:
        async with database.writing() as session:
            await log.append(session, LISTEN)
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await fail()
        await log.note(database, LISTEN)

    assert await checked(database) == AuditReport(1, 3, 1, ())


async def test_an_empty_log_is_right(database: Database) -> None:
    assert await checked(database) == AuditReport(0, 0, 0, ())


TAMPERING: dict[str, Callable[[], Update | object]] = {
    "changed": lambda: update(AuditRow).where(AuditRow.number == 3).values(actor="user:01kc"),
    "made senseless": lambda: update(AuditRow).where(AuditRow.number == 3).values(verb="x y"),
    "an actor that is none": lambda: (
        update(AuditRow).where(AuditRow.number == 3).values(actor="+1")
    ),
    "witness": lambda: update(AuditRow).where(AuditRow.number == 0).values(witness=[["a"]]),
    "removed": lambda: delete(AuditRow).where(AuditRow.number == 3),
    "truncated": lambda: delete(AuditRow).where(AuditRow.number >= 4),
    "renumbered": lambda: update(AuditRow).where(AuditRow.number == 5).values(number=9),
    "emptied": lambda: delete(AuditRow),
    "no heads": lambda: delete(AuditChainRow),
    "head put back": lambda: update(AuditChainRow).values(number=3),
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_tampering_is_found_and_never_signed_away(database: Database, how: str) -> None:
    log = make_audit()
    for _ in range(5):
        await log.note(database, LISTEN)
    async with database.writing() as session:
        await session.execute(TAMPERING[how]())  # type: ignore[call-overload]  # of either kind

    before = (await checked(database)).problems
    await log.note(database, LISTEN)
    after = (await checked(database)).problems

    assert before
    assert after


async def test_a_forged_last_entry_is_not_signed_by_what_comes_after_it(
    database: Database,
) -> None:
    log = make_audit()
    mark = await log.note(database, LISTEN)
    async with database.writing() as session:
        row = await session.get_one(AuditRow, (mark.chain, mark.number))
        event = AuditEvent("listen", "user:01kc", MESSAGE)
        forged = AuditEntry(mark.chain, mark.number, row.at, event, row.previous).hash
        head = await session.get_one(AuditChainRow, mark.chain)
        row.actor, row.hash, head.hash = "user:01kc", forged, forged

    next_mark = await log.note(database, LISTEN)

    assert next_mark.chain != mark.chain
    problems = (await checked(database)).problems
    assert {problem.chain for problem in problems} == {mark.chain}


async def test_a_chain_that_went_as_a_whole_is_missed_by_the_next_process(
    database: Database,
) -> None:
    first, second = make_audit(), make_audit()
    mark = await first.note(database, LISTEN)
    await second.note(database, LISTEN)

    async with database.writing() as session:
        await session.execute(delete(AuditRow).where(AuditRow.chain == mark.chain))
        await session.execute(delete(AuditChainRow).where(AuditChainRow.chain == mark.chain))

    (problem,) = (await checked(database)).problems
    assert (problem.chain, problem.number) == (mark.chain, mark.number)


async def test_heads_kept_elsewhere_tell_of_a_log_that_was_put_back(database: Database) -> None:
    log = make_audit()
    await log.note(database, LISTEN)
    (older,) = await heads(database)
    entry = (await log.note(database, LISTEN)).number
    kept = await heads(database)

    async with database.writing() as session:
        await session.execute(delete(AuditRow).where(AuditRow.number == entry))
        await session.execute(
            update(AuditChainRow).values(
                number=older.head.number, hash=older.head.hash, signature=older.signature
            )
        )

    assert (await checked(database)).problems == ()
    report = await check_audit(database, log.trusted, kept)
    assert [problem.number for problem in report.problems] == [entry]


async def test_a_log_signed_by_somebody_else_is_not_ours(database: Database) -> None:
    stranger = AuditLog(Ed25519PrivateKey.generate())
    await stranger.note(database, LISTEN)

    report = await checked(database)

    assert "not signed by a key that is trusted" in report.problems[0].what


async def test_every_process_looks_at_the_ones_before_it_once(database: Database) -> None:
    logs = [make_audit() for _ in range(5)]
    for log in logs:
        await log.note(database, LISTEN)

    async with database.reading() as session:
        rows = [await session.get_one(AuditRow, (log._chain, 0)) for log in logs]

    assert [len(row.witness or []) for row in rows] == [0, 1, 1, 1, 1]

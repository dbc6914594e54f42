import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from message_index import make_mailbox, ship
from ulid import ULID

from listen_sinks.voicemail.index import retention
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.holds import hold_mailbox, hold_message
from listen_sinks.voicemail.index.messages import (
    change_state,
    delete_message,
    get_message,
    list_messages,
    undelete_message,
)
from listen_sinks.voicemail.index.parts import get_message_key
from listen_sinks.voicemail.index.retention import apply_retention
from listen_sinks.voicemail.index.shipping import record_discarded
from listen_sinks.voicemail.index.tenants import change_tenant_settings
from listen_sinks.voicemail.index.usage import count_messages

DAY = timedelta(days=1)
ACTOR = "user:01kb"


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + days * DAY


async def test_a_message_is_deleted_by_age_and_erased_a_grace_period_later(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database, settings={"keep_new_days": 30, "undelete_days": 7})
    part = await ship(database, mailbox.id)

    early = await apply_retention(erasures, in_days(29))
    deleted = await apply_retention(erasures, in_days(30))
    waiting = await apply_retention(erasures, in_days(36.9))
    erased = await apply_retention(erasures, in_days(37.1))

    assert [(run.deleted, run.erased) for run in (early, deleted, waiting, erased)] == [
        (0, 0),
        (1, 0),
        (0, 0),
        (0, 1),
    ]
    (receipt,) = erased.receipts
    assert receipt.objects == (part.ranges[0].name,)
    assert await get_message_key(database, part.message, 0) is None
    (unfinished,) = await erasures.unfinished()
    assert unfinished.scrubbed_at is not None


async def test_each_state_has_its_own_age(database: Database, erasures: Erasures) -> None:
    settings = {"keep_new_days": 30, "keep_heard_days": 3, "keep_saved_days": None}
    mailbox = await make_mailbox(database, settings=settings)
    new, heard, saved = [(await ship(database, mailbox.id)).message for _ in range(3)]
    await change_state(database, "acme", heard, "heard", in_days(0))
    await change_state(database, "acme", saved, "saved", in_days(0))

    await apply_retention(erasures, in_days(4))
    assert (await get_message(database, "acme", heard)).state == "deleted"
    await apply_retention(erasures, in_days(1000))

    assert [one.id for one in (await list_messages(database, "acme")).messages] == [saved]
    assert (await get_message(database, "acme", new)).state == "deleted"


async def test_a_tenants_rule_counts_where_a_mailbox_has_none(
    database: Database, erasures: Erasures
) -> None:
    own = await make_mailbox(database, settings={"keep_new_days": 100})
    other = await make_mailbox(database)
    await change_tenant_settings(database, "acme", {"keep_new_days": 1})
    kept, gone = await ship(database, own.id), await ship(database, other.id)

    await apply_retention(erasures, in_days(2))

    assert (await get_message(database, "acme", kept.message)).state == "new"
    assert (await get_message(database, "acme", gone.message)).state == "deleted"


@pytest.mark.parametrize("what", ["message", "mailbox"])
async def test_a_hold_stops_retention_at_either_step(
    database: Database, erasures: Erasures, what: str
) -> None:
    mailbox = await make_mailbox(database, settings={"keep_new_days": 1, "undelete_days": 1})
    new, deleted = await ship(database, mailbox.id), await ship(database, mailbox.id)
    await delete_message(database, "acme", deleted.message, in_days(0))
    if what == "mailbox":
        await hold_mailbox(database, erasures.audit, "acme", mailbox.id, actor=ACTOR)
    else:
        for part in (new, deleted):
            await hold_message(database, erasures.audit, "acme", part.message, actor=ACTOR)

    run = await apply_retention(erasures, in_days(1000))

    assert (run.deleted, run.erased, run.receipts) == (0, 0, ())
    assert (await get_message(database, "acme", new.message)).state == "new"
    assert await get_message_key(database, deleted.message, 0) is not None


async def test_nothing_without_a_rule_goes_but_what_somebody_deleted(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    kept, deleted = await ship(database, mailbox.id), await ship(database, mailbox.id)
    await delete_message(database, "acme", deleted.message, in_days(0))

    run = await apply_retention(erasures, in_days(8))

    assert (run.deleted, run.erased) == (0, 1)
    assert (await list_messages(database, "acme")).messages[0].id == kept.message


async def test_discarded_calls_are_forgotten_after_the_grace_period(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    moment = in_days(0)
    await record_discarded(
        database, str(ULID()), mailbox.id, "too short", started_at=moment, ended_at=moment
    )

    await apply_retention(erasures, in_days(6))
    assert (await count_messages(database, "acme", mailbox.id))["discarded"] == 1
    await apply_retention(erasures, in_days(8))

    assert (await count_messages(database, "acme", mailbox.id))["discarded"] == 0


async def test_more_than_one_transaction_takes_is_done_in_one_run(
    database: Database, erasures: Erasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 3)
    mailbox = await make_mailbox(database, settings={"keep_new_days": 1, "undelete_days": 1})
    for _ in range(8):
        await ship(database, mailbox.id)

    assert (await apply_retention(erasures, in_days(2))).deleted == 8
    run = await apply_retention(erasures, in_days(4))

    assert (run.erased, len(run.receipts)) == (8, 3)


async def test_a_deletion_that_is_taken_back_in_time_wins_over_the_erasure(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database, settings={"undelete_days": 1})
    parts = [await ship(database, mailbox.id) for _ in range(6)]
    now = in_days(0)
    for part in parts:
        await delete_message(database, "acme", part.message, now)

    results = await asyncio.gather(
        apply_retention(erasures, now + 2 * DAY),
        *[undelete_message(database, "acme", part.message, now) for part in parts],
        return_exceptions=True,
    )

    back = {
        part.message
        for part, told in zip(parts, results[1:], strict=True)
        if not isinstance(told, BaseException)
    }
    listed = {one.id for one in (await list_messages(database, "acme")).messages}
    assert listed == back
    for part in parts:
        key = await get_message_key(database, part.message, 0)
        assert (key is not None) == (part.message in back)

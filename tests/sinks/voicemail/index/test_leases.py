import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from message_index import make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import StaleFence
from listen_sinks.voicemail.index.leases import (
    claim_part,
    claim_task,
    drop_lease,
    drop_task,
    renew_lease,
)
from listen_sinks.voicemail.index.shipping import record_shipped


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def over() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


async def test_of_many_workers_one_gets_the_part(database: Database) -> None:
    message = str(ULID())

    claims = await asyncio.gather(
        *[claim_part(database, message, 0, f"worker-{n}", soon()) for n in range(10)]
    )

    assert len([lease for lease in claims if lease]) == 1


async def test_a_worker_that_was_thought_dead_cannot_record_what_it_shipped(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = make_part(mailbox.id)
    slow = await claim_part(database, part.message, 0, "slow", over())
    fast = await claim_part(database, part.message, 0, "fast", soon())
    assert slow is not None
    assert fast is not None

    with pytest.raises(StaleFence):
        await renew_lease(database, slow, soon())
    with pytest.raises(StaleFence):
        await record_shipped(database, part, fence=slow.fence)
    with pytest.raises(StaleFence):
        await record_shipped(database, part)

    assert await record_shipped(database, part, fence=fast.fence) == "new"
    assert await record_shipped(database, part, fence=slow.fence) == "known"


async def test_a_lease_can_be_kept_and_taken_again_by_its_owner(database: Database) -> None:
    message = str(ULID())
    first = await claim_part(database, message, 0, "worker", soon())
    assert first is not None

    renewed = await renew_lease(database, first, soon())
    again = await claim_part(database, message, 0, "worker", soon())

    assert renewed.fence == first.fence
    assert again is not None
    assert again.fence == first.fence + 1
    assert await claim_part(database, message, 0, "other", soon()) is None


async def test_there_is_nothing_to_ship_of_what_is_stored_or_erased(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    stored = await ship(database, mailbox.id)
    gone = await ship(database, mailbox.id)
    await erase_message(erasures, "acme", gone.message, actor="user:1")

    assert await claim_part(database, stored.message, 0, "worker", soon()) is None
    assert await claim_part(database, gone.message, 0, "worker", soon()) is None


async def test_a_fence_without_a_lease_is_nobodys(database: Database) -> None:
    mailbox = await make_mailbox(database)

    with pytest.raises(StaleFence):
        await record_shipped(database, make_part(mailbox.id), fence=1)


async def test_of_many_processes_one_has_a_task(database: Database) -> None:
    claims = await asyncio.gather(
        *[claim_task(database, "housekeeping", f"process-{n}", soon()) for n in range(10)]
    )

    assert sum(claims) == 1


async def test_a_task_is_kept_left_and_taken_over(database: Database) -> None:
    assert await claim_task(database, "housekeeping", "one", soon())
    assert await claim_task(database, "housekeeping", "one", soon())
    assert not await claim_task(database, "housekeeping", "two", soon())
    assert await claim_task(database, "another", "two", soon())

    await drop_task(database, "housekeeping", "two")  # is not his
    assert not await claim_task(database, "housekeeping", "two", soon())
    await drop_task(database, "housekeeping", "one")
    assert await claim_task(database, "housekeeping", "two", over())
    assert await claim_task(database, "housekeeping", "one", soon())


async def test_a_part_that_was_given_up_is_free_for_others(database: Database) -> None:
    message = str(ULID())
    old = await claim_part(database, message, 0, "one", over())
    new = await claim_part(database, message, 0, "two", soon())
    assert old is not None
    assert new is not None

    await drop_lease(database, old)
    assert await claim_part(database, message, 0, "three", soon()) is None
    await drop_lease(database, new)

    assert await claim_part(database, message, 0, "three", soon()) is not None

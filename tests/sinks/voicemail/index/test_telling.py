import asyncio
from datetime import timedelta

from message_index import NOON, make_mailbox, make_part, ship
from outboxes import wants_all

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_mailbox, erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.event_log import Which, list_events
from listen_sinks.voicemail.index.messages import (
    change_state,
    delete_message,
    undelete_message,
)
from listen_sinks.voicemail.index.outbox import subscribe
from listen_sinks.voicemail.index.retention import apply_retention
from listen_sinks.voicemail.index.shipping import record_discarded, record_shipped

LATER = NOON + timedelta(days=365 * 40)


async def lamps(database: Database, mailbox: str) -> list[tuple[int, int, int]]:
    """Return how many were new, heard and saved, each time that somebody was told."""
    found = await list_events(database, Which())
    told = [one.event for one in reversed(found)]
    assert {(event.type, event.about, event.tenant) for event in told} <= {
        ("mailbox.counts", mailbox, "acme")
    }
    return [(event.data["new"], event.data["heard"], event.data["saved"]) for event in told]


async def wanted(database: Database) -> None:
    await subscribe(database, wants_all("lamps", events=["mailbox.counts"]))


async def test_counts_are_told_with_all_that_changes_them(
    database: Database, erasures: Erasures
) -> None:
    box = (await make_mailbox(database)).id
    await wanted(database)

    first = (await ship(database, box)).message
    second = (await ship(database, box)).message
    await change_state(database, "acme", first, "heard", NOON)
    await change_state(database, "acme", first, "saved", NOON)
    await delete_message(database, "acme", first, NOON)
    await undelete_message(database, "acme", first, NOON)
    await erase_message(erasures, "acme", second, actor="user:1")

    assert await lamps(database, box) == [
        *((1, 0, 0), (2, 0, 0)),
        *((1, 1, 0), (1, 0, 1)),
        *((1, 0, 0), (1, 0, 1), (0, 0, 1)),
    ]


async def test_what_changes_no_count_is_not_told(database: Database, erasures: Erasures) -> None:
    box = (await make_mailbox(database)).id
    part = await ship(database, box)
    await delete_message(database, "acme", part.message, NOON)
    await wanted(database)

    await record_shipped(database, part)
    await record_shipped(database, make_part(box, part.message, 1, frames=0, ranges=(), size=0))
    await delete_message(database, "acme", part.message, NOON)
    await erase_message(erasures, "acme", part.message, actor="user:1")
    await record_shipped(database, make_part(box, kind="greeting"))
    short = make_part(box).message
    await record_discarded(database, short, box, "too short", started_at=NOON, ended_at=NOON)

    assert await lamps(database, box) == []


async def test_a_message_that_was_taken_for_nothing_counts_when_it_is_there_after_all(
    database: Database,
) -> None:
    box = (await make_mailbox(database)).id
    await wanted(database)
    part = make_part(box)

    await record_discarded(database, part.message, box, "cut", started_at=NOON, ended_at=NOON)
    await record_shipped(database, part)

    assert await lamps(database, box) == [(1, 0, 0)]


async def test_what_retention_takes_is_told_once_for_all(
    database: Database, erasures: Erasures
) -> None:
    box = (await make_mailbox(database, settings={"keep_new_days": 1.0})).id
    for _ in range(3):
        await ship(database, box)
    await wanted(database)

    await apply_retention(erasures, LATER)
    await apply_retention(erasures, LATER + timedelta(days=30))

    assert await lamps(database, box) == [(0, 0, 0)]


async def test_the_lamp_of_a_mailbox_that_is_erased_goes_out(
    database: Database, erasures: Erasures
) -> None:
    await make_mailbox(database, catch_all=True)
    box = (await make_mailbox(database)).id
    for _ in range(3):
        await ship(database, box)
    await wanted(database)

    await erase_mailbox(erasures, "acme", box, actor="user:1")

    assert await lamps(database, box) == [(0, 0, 0)]


async def test_of_messages_that_come_at_once_the_last_word_has_all(database: Database) -> None:
    box = (await make_mailbox(database)).id
    await wanted(database)

    await asyncio.gather(*(ship(database, box) for _ in range(10)))

    assert [new for new, _, _ in await lamps(database, box)] == list(range(1, 11))


async def test_where_nobody_wants_them_counts_are_not_even_made(database: Database) -> None:
    box = (await make_mailbox(database)).id
    await subscribe(database, wants_all("crm", events=["message.erased"]))

    await ship(database, box)

    assert await list_events(database, Which()) == []

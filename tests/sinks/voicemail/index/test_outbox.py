import asyncio
from contextlib import suppress

import pytest
from message_index import NOON, make_mailbox, make_part, ship
from outboxes import make_event, wants_all

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import target_is_gone
from listen_sinks.voicemail.index.erasure import erase_mailbox, erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import StaleFence
from listen_sinks.voicemail.index.event_log import Which, list_events, list_targets, replay
from listen_sinks.voicemail.index.outbox import put, put_alone, subscribe
from listen_sinks.voicemail.index.redaction import replace_parts
from listen_sinks.voicemail.index.shipping import record_shipped


async def told(database: Database, **which: str) -> list[tuple[str, str]]:
    """Return type and subject of all events, oldest first."""
    found = await list_events(database, Which(**which))  # type: ignore[arg-type]
    return [(one.event.type, one.event.about) for one in reversed(found)]


async def test_a_message_and_its_event_are_there_together(database: Database) -> None:
    mailbox = await make_mailbox(database)
    await subscribe(database, wants_all("crm"))

    part = await ship(database, mailbox.id)
    await record_shipped(database, part)

    (one,) = await list_events(database, Which())
    assert one.event.type == "message.received"
    assert one.event.tenant == "acme"
    assert one.event.data["message"] == part.message
    assert one.event.data["seconds"] == 10.0
    assert [delivery.state for delivery in one.deliveries] == ["waiting"]


async def test_a_message_that_is_refused_is_not_told_of(database: Database) -> None:
    mailbox = await make_mailbox(database)
    await subscribe(database, wants_all("crm"))

    with pytest.raises(StaleFence):
        await record_shipped(database, make_part(mailbox.id), fence=7)

    assert await told(database) == []


async def test_words_that_come_later_are_no_message_that_is_received(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await subscribe(database, wants_all("crm"))

    words = make_part(mailbox.id, part.message, 1, frames=0, ranges=(), size=0)
    await record_shipped(database, words)
    assert await told(database) == []
    more = make_part(mailbox.id, part.message, 2)
    await record_shipped(database, more)

    assert await told(database) == [("message.received", part.message)]


async def test_whoever_wants_nothing_gets_nothing_and_nothing_is_written(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    await ship(database, mailbox.id)
    await subscribe(database, wants_all("crm", events=["message.erased"]))
    await ship(database, mailbox.id)
    await subscribe(database, wants_all("crm", tenants=["other"]))
    await ship(database, mailbox.id)

    assert await told(database) == []


async def test_every_message_of_an_erased_mailbox_is_told_of(
    database: Database, erasures: Erasures
) -> None:
    await make_mailbox(database, catch_all=True)
    mailbox = await make_mailbox(database)
    parts = [await ship(database, mailbox.id) for _ in range(3)]
    await subscribe(database, wants_all("crm"))

    receipt = await erase_mailbox(erasures, "acme", mailbox.id, actor="user:1")

    found = await list_events(database, Which())
    assert {one.event.about for one in found} == {part.message for part in parts}
    assert {one.event.data["erasure"] for one in found} == {receipt.erasure}
    assert {one.event.type for one in found} == {"message.erased"}


async def test_erasing_again_tells_nothing_again(database: Database, erasures: Erasures) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await subscribe(database, wants_all("crm"))

    for _ in range(2):
        await erase_message(erasures, "acme", part.message, actor="user:1")

    (one,) = await list_events(database, Which())
    assert one.event.data["whole"] is True


async def test_what_is_taken_out_of_a_message_is_told_of(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await subscribe(database, wants_all("crm"))

    new = [make_part(mailbox.id, part.message, 1)]
    await replace_parts(erasures, "acme", part.message, [0], new, actor="user:1")

    (one,) = await list_events(database, Which())
    assert (one.event.type, one.event.data["whole"]) == ("message.erased", False)


async def test_the_same_event_is_put_once(database: Database) -> None:
    await subscribe(database, wants_all("a", "b"))
    event = make_event()

    await put_alone(database, [event])
    await put_alone(database, [event, event])

    (one,) = await list_events(database, Which())
    assert one.event == event
    assert [delivery.target for delivery in one.deliveries] == ["a", "b"]


async def test_what_is_taken_back_is_not_told_of(database: Database) -> None:
    await subscribe(database, wants_all("crm"))

    with suppress(ZeroDivisionError):
        async with database.writing() as session:
            await put(session, make_event())
            raise ZeroDivisionError

    assert await told(database) == []


async def test_what_waits_for_a_webhook_that_is_taken_out_dies_and_can_be_replayed(
    database: Database,
) -> None:
    await subscribe(database, wants_all("a", "b"))
    await put_alone(database, [make_event()])

    await subscribe(database, wants_all("b"))

    (one,) = await list_events(database, Which())
    assert [delivery.state for delivery in one.deliveries] == ["dead", "waiting"]
    assert await list_targets(database) == {"a": "retired", "b": "on"}
    assert await replay(database, Which(target="a")) == 0
    await subscribe(database, wants_all("a", "b"))
    assert await replay(database, Which(target="a")) == 1


async def test_a_webhook_with_a_new_address_begins_anew(database: Database) -> None:
    await subscribe(database, wants_all("crm"))
    assert await target_is_gone(database, "crm", NOON)
    assert not await target_is_gone(database, "crm", NOON)

    assert await subscribe(database, wants_all("crm")) == ["crm"]
    await put_alone(database, [make_event()])
    assert await told(database) == []
    assert await subscribe(database, wants_all("crm", fingerprint="1" * 64)) == []
    await put_alone(database, [make_event()])
    assert len(await told(database)) == 1


async def test_events_that_are_put_at_once_with_a_change_of_webhooks_reach_those_that_stay(
    database: Database,
) -> None:
    await subscribe(database, wants_all("stays"))

    await asyncio.gather(
        *[put_alone(database, [make_event()]) for _ in range(20)],
        *[subscribe(database, wants_all("stays", *goes)) for goes in ([], ["goes"], [])],
    )
    await subscribe(database, wants_all("stays"))

    found = await list_events(database, Which())
    assert len(found) == 20
    states = {one.state for event in found for one in event.deliveries if one.target == "goes"}
    assert states <= {"dead"}

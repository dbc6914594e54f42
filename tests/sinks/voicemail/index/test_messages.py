from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_index import NOON, make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import TooLate, UnknownMessage, WrongState
from listen_sinks.voicemail.index.messages import (
    change_state,
    delete_message,
    find_message,
    get_message,
    list_messages,
    undelete_message,
)
from listen_sinks.voicemail.index.shipping import record_discarded, record_shipped
from listen_sinks.voicemail.index.tenants import change_tenant_settings

DAY = timedelta(days=1)


async def test_a_list_shows_the_newest_call_first_and_nothing_deleted(database: Database) -> None:
    mailbox = await make_mailbox(database)
    parts = [await ship(database, mailbox.id) for _ in range(4)]
    await delete_message(database, "acme", parts[1].message, NOON)

    listed = (await list_messages(database, "acme", mailbox.id)).messages

    assert [one.id for one in listed] == [parts[n].message for n in (3, 2, 0)]


async def test_messages_are_found_by_who_called_in_the_whole_tenant(database: Database) -> None:
    caller = "c" * 64
    mailboxes = [await make_mailbox(database) for _ in range(2)]
    theirs = await make_mailbox(database, "globex")
    found = [await ship(database, one.id, caller=caller) for one in mailboxes]
    await ship(database, mailboxes[0].id, caller="d" * 64)
    await ship(database, theirs.id, caller=caller)

    page = await list_messages(database, "acme", caller=caller)

    assert [one.id for one in page.messages] == [part.message for part in reversed(found)]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    numbers=st.lists(st.integers(0, 2**80 - 1), unique=True, max_size=12),
    limit=st.integers(1, 5),
    gone=st.sets(st.integers(0, 11)),
)
async def test_going_through_the_pages_meets_every_message_once_whatever_comes_meanwhile(
    database: Database, numbers: list[int], limit: int, gone: set[int]
) -> None:
    mailbox = await make_mailbox(database)
    stem = str(ULID())[:10]
    ids = [stem + str(ULID.from_int(number))[10:] for number in numbers]
    staying = []
    for place, message in enumerate(ids):
        await record_shipped(database, make_part(mailbox.id, message))
        if place in gone:
            await delete_message(database, "acme", message, NOON)
        else:
            staying.append(message)

    met: list[str] = []
    page = await list_messages(database, "acme", mailbox.id, limit=limit)
    met += [one.id for one in page.messages]
    while page.before is not None:
        await ship(database, mailbox.id)  # a call that comes in between
        page = await list_messages(database, "acme", mailbox.id, before=page.before, limit=limit)
        met += [one.id for one in page.messages]

    assert met == sorted(staying, reverse=True)


async def test_a_page_has_bounds_whatever_is_asked_for(database: Database) -> None:
    mailbox = await make_mailbox(database)
    for _ in range(3):
        await ship(database, mailbox.id)

    assert len((await list_messages(database, "acme", mailbox.id, limit=0)).messages) == 1
    assert (await list_messages(database, "acme", mailbox.id, limit=10**9)).before is None
    assert (await list_messages(database, "acme", mailbox.id, limit=3)).before is None


async def test_a_message_is_heard_and_saved_and_new_again(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    states: tuple[Literal["heard", "saved", "new"], ...] = ("heard", "saved", "new")
    for number, state in enumerate(states, 1):
        moment = NOON + number * DAY
        changed = await change_state(database, "acme", part.message, state, moment)
        again = await change_state(database, "acme", part.message, state, NOON + 9 * DAY)

        assert (changed.state, changed.state_changed_at) == (state, moment)
        assert again == changed


async def test_a_deletion_is_taken_back_to_the_state_before(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await change_state(database, "acme", part.message, "saved", NOON)

    deleted = await delete_message(database, "acme", part.message, NOON)
    again = await delete_message(database, "acme", part.message, NOON + DAY)
    back = await undelete_message(database, "acme", part.message, NOON + 6.9 * DAY)

    assert (deleted.state, again) == ("deleted", deleted)
    assert back.state == "saved"
    assert await undelete_message(database, "acme", part.message, NOON + 9 * DAY) == back


async def test_a_deletion_is_not_taken_back_after_the_grace_period(database: Database) -> None:
    mailbox = await make_mailbox(database, settings={"undelete_days": 2})
    await change_tenant_settings(database, "acme", {"undelete_days": 30})
    part = await ship(database, mailbox.id)
    await delete_message(database, "acme", part.message, NOON)

    with pytest.raises(TooLate):
        await undelete_message(database, "acme", part.message, NOON + 2 * DAY)


async def test_a_deleted_message_is_not_marked_as_heard(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await delete_message(database, "acme", part.message, NOON)

    with pytest.raises(WrongState):
        await change_state(database, "acme", part.message, "heard", NOON)


async def test_what_was_discarded_is_no_message_that_anybody_can_change(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    message = str(ULID())
    await record_discarded(
        database, message, mailbox.id, "too short", started_at=NOON, ended_at=NOON
    )

    for change in (delete_message, undelete_message):
        with pytest.raises(WrongState):
            await change(database, "acme", message, NOON)


async def test_a_message_of_another_tenant_is_not_there(database: Database) -> None:
    mailbox = await make_mailbox(database)
    await make_mailbox(database, "globex")
    part = await ship(database, mailbox.id)

    with pytest.raises(UnknownMessage):
        await get_message(database, "globex", part.message)
    with pytest.raises(UnknownMessage):
        await change_state(database, "globex", part.message, "heard", NOON)
    for change in (delete_message, undelete_message):
        with pytest.raises(UnknownMessage):
            await change(database, "globex", part.message, NOON)
    message = await get_message(database, "acme", part.message)
    assert (message.state, await find_message(database, part.message)) == ("new", message)
    assert (await list_messages(database, "globex", mailbox.id)).messages == ()
    with pytest.raises(UnknownMessage):
        await find_message(database, str(ULID()))


async def test_moments_come_back_in_utc(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    message = await get_message(database, "acme", part.message)

    assert message.started_at == NOON
    assert message.started_at.utcoffset() == timedelta(0)
    assert message.recorded_at.utcoffset() == timedelta(0)

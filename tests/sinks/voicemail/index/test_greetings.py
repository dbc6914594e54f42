import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from message_index import make_mailbox, ship
from outboxes import wants_all
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMailbox, UnknownMessage, WrongState
from listen_sinks.voicemail.index.event_log import Which, list_events
from listen_sinks.voicemail.index.greetings import UNNAMED, name_greeting
from listen_sinks.voicemail.index.holds import hold_mailbox, hold_message
from listen_sinks.voicemail.index.mailboxes import get_mailbox
from listen_sinks.voicemail.index.messages import (
    change_state,
    delete_message,
    get_message,
    list_messages,
)
from listen_sinks.voicemail.index.outbox import subscribe
from listen_sinks.voicemail.index.retention import apply_retention
from listen_sinks.voicemail.index.transcripts import put_transcript, untranscribed
from listen_sinks.voicemail.index.usage import count_messages, mailbox_usage
from listen_sinks.webhook.events import TYPES


def a_day_later() -> datetime:
    return datetime.now(UTC) + UNNAMED + timedelta(minutes=1)


async def greet(database: Database, mailbox: str) -> str:
    return (await ship(database, mailbox, kind="greeting")).message


async def test_a_greeting_is_in_no_list_and_no_count_and_nobody_is_told(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database, settings={"max_messages": 1})
    await subscribe(database, wants_all("crm", events=TYPES))
    part = await ship(database, mailbox.id, kind="greeting", transcribed_by="fake")
    await put_transcript(database, part.message, 0, b"sealed", engine="fake")

    assert (await list_messages(database, "acme")).messages == ()
    assert (await mailbox_usage(database, "acme", mailbox.id)).messages == 0
    assert sum((await count_messages(database, "acme", mailbox.id)).values()) == 0
    assert await untranscribed(database) == ()
    await erase_message(erasures, "acme", part.message, actor="operator")
    assert not await list_events(database, Which())


async def test_a_greeting_is_neither_heard_nor_deleted(database: Database) -> None:
    mailbox = await make_mailbox(database)
    greeting = await greet(database, mailbox.id)

    with pytest.raises(WrongState):
        await change_state(database, "acme", greeting, "heard", datetime.now(UTC))
    with pytest.raises(WrongState):
        await delete_message(database, "acme", greeting, datetime.now(UTC))


async def test_naming_a_greeting_tells_which_one_is_not_named_any_more(database: Database) -> None:
    mailbox = await make_mailbox(database, settings={"keep_new_days": 3})
    first, second = [await greet(database, mailbox.id) for _ in range(2)]

    told = [
        await name_greeting(database, mailbox.id, "greeting", first),
        await name_greeting(database, mailbox.id, "greeting", first),
        await name_greeting(database, mailbox.id, "temporary_greeting", first),
        await name_greeting(database, mailbox.id, "greeting", second),
        await name_greeting(database, mailbox.id, "temporary_greeting", None),
    ]

    assert told == [("acme", None)] * 4 + [("acme", first)]
    settings = (await get_mailbox(database, "acme", mailbox.id)).settings
    assert settings == {"keep_new_days": 3, "greeting": second}


async def test_only_a_greeting_of_the_mailbox_itself_can_be_named(database: Database) -> None:
    mailbox, other = await make_mailbox(database), await make_mailbox(database, "other")
    message = await ship(database, mailbox.id)
    theirs = await greet(database, other.id)

    for wrong, why in ((message.message, WrongState), (theirs, UnknownMessage)):
        with pytest.raises(why):
            await name_greeting(database, mailbox.id, "greeting", wrong)
    with pytest.raises(UnknownMailbox):
        await name_greeting(database, str(ULID()), "greeting", None)

    assert (await get_mailbox(database, "acme", mailbox.id)).settings == {}


async def test_housekeeping_erases_what_no_mailbox_names_and_what_is_old(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(
        database, settings={"keep_new_days": 0, "keep_heard_days": 0, "undelete_days": 0}
    )
    named, temporary, unnamed, held = [await greet(database, mailbox.id) for _ in range(4)]
    await name_greeting(database, mailbox.id, "greeting", named)
    await name_greeting(database, mailbox.id, "temporary_greeting", temporary)
    await hold_message(database, erasures.audit, "acme", held, actor="operator")

    young = await apply_retention(erasures, datetime.now(UTC))
    run = await apply_retention(erasures, a_day_later())

    assert (young.deleted, young.erased) == (0, 0)
    assert (run.deleted, run.erased) == (0, 1)
    assert [receipt.messages for receipt in run.receipts] == [(unnamed,)]
    for kept in (named, temporary, held):
        assert (await get_message(database, "acme", kept)).state == "greeting"
    again = await apply_retention(erasures, a_day_later())
    assert again.receipts == ()


async def test_a_greeting_that_is_named_while_housekeeping_looks_stays(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    greetings = [await greet(database, mailbox.id) for _ in range(5)]

    _, run = await asyncio.gather(
        name_greeting(database, mailbox.id, "greeting", greetings[0]),
        apply_retention(erasures, a_day_later()),
        return_exceptions=True,
    )

    settings = (await get_mailbox(database, "acme", mailbox.id)).settings
    if "greeting" in settings:
        assert (await get_message(database, "acme", greetings[0])).state == "greeting"
    assert not isinstance(run, BaseException)
    assert run.erased == 5 - len(settings)


async def test_a_mailbox_on_hold_keeps_greetings_that_it_does_not_name(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    greeting = await greet(database, mailbox.id)
    await hold_mailbox(database, erasures.audit, "acme", mailbox.id, actor="operator")

    run = await apply_retention(erasures, a_day_later())

    assert run.receipts == ()
    assert (await get_message(database, "acme", greeting)).state == "greeting"

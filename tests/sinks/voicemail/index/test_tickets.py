import asyncio
from dataclasses import replace

import pytest
from message_index import NOON, make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.messages import delete_message, get_message, list_messages
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.shipping import record_discarded, record_shipped
from listen_sinks.voicemail.index.tickets import find_ticket, wait_for_ticket


@pytest.fixture
def ticket() -> str:
    return str(ULID())


async def found(database: Database, ticket: str, tenant: str = "acme") -> str | None:
    message = await find_ticket(database, tenant, ticket)
    return message.id if message else None


async def discard(database: Database, mailbox: str, message: str, ticket: str) -> None:
    await record_discarded(
        database,
        message,
        mailbox,
        "shorter than 2 s",
        started_at=NOON,
        ended_at=NOON,
        ticket=ticket,
    )


async def test_a_message_is_found_by_its_ticket_whatever_became_of_it(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    assert await found(database, ticket) is None

    part = await ship(database, mailbox.id, ticket=ticket)
    await delete_message(database, "acme", part.message, NOON)

    message = await find_ticket(database, "acme", ticket)
    assert message == await get_message(database, "acme", part.message)
    assert message is not None
    assert (message.state, message.ticket) == ("deleted", ticket)


async def test_a_ticket_tells_that_a_message_was_not_worth_keeping(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)

    await discard(database, mailbox.id, str(ULID()), ticket)

    message = await find_ticket(database, "acme", ticket)
    assert message is not None
    assert (message.state, message.reason) == ("discarded", "shorter than 2 s")


async def test_another_tenants_ticket_finds_nothing(database: Database, ticket: str) -> None:
    mailbox = await make_mailbox(database)
    await ship(database, mailbox.id, ticket=ticket)

    assert await found(database, ticket, "other") is None


async def test_a_message_that_is_erased_is_not_found_by_its_ticket_any_more(
    database: Database, erasures: Erasures, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id, ticket=ticket)

    await erase_message(erasures, "acme", part.message, actor="operator")

    assert await found(database, ticket) is None
    assert await record_shipped(database, part) == "erased"


async def test_a_second_message_with_a_ticket_is_kept_without_it(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    first = await ship(database, mailbox.id, ticket=ticket)

    second = make_part(mailbox.id, ticket=ticket)
    assert await record_shipped(database, second) == "new"
    assert await record_shipped(database, second) == "known"

    assert await found(database, ticket) == first.message
    kept = {one.id for one in (await list_messages(database, "acme")).messages}
    assert kept == {first.message, second.message}
    assert (await get_message(database, "acme", second.message)).ticket is None


async def test_streams_that_come_with_one_ticket_at_once_are_all_kept(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    parts = [make_part(mailbox.id, ticket=ticket) for _ in range(6)]

    told = await asyncio.gather(*[record_shipped(database, part) for part in parts])

    assert told == ["new"] * 6
    messages = (await list_messages(database, "acme")).messages
    assert len(messages) == 6
    assert [one.ticket for one in messages if one.ticket] == [ticket]


async def test_what_was_discarded_gives_its_ticket_up_for_what_is_kept(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    short, other_short = str(ULID()), str(ULID())
    await discard(database, mailbox.id, short, ticket)
    await discard(database, mailbox.id, other_short, ticket)
    assert await found(database, ticket) == short

    part = await ship(database, mailbox.id, ticket=ticket)

    assert await found(database, ticket) == part.message
    assert (await get_message(database, "acme", short)).ticket is None


async def test_who_waits_is_told_as_soon_as_the_message_is_there(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    part = make_part(mailbox.id, ticket=ticket)
    waiting = asyncio.create_task(wait_for_ticket(database, "acme", ticket, 20.0))

    await record_shipped(database, part)

    message = await waiting
    assert message is not None
    assert message.id == part.message


async def test_who_waits_in_vain_is_told_so(database: Database, ticket: str) -> None:
    await make_mailbox(database)

    assert await wait_for_ticket(database, "acme", ticket, 0.5) is None


class Away(Database):
    """A database that is away for so many questions."""

    questions = 0

    async def open(self) -> None:
        """Be away."""
        if self.questions:
            self.questions -= 1
            raise IndexAway("away")
        await super().open()


async def test_an_index_that_comes_back_in_time_was_never_away(url: str, ticket: str) -> None:
    database = Away(url)
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id, ticket=ticket)
    database.questions = 2

    message: Message | None = await wait_for_ticket(database, "acme", ticket, 10.0)

    assert message is not None
    assert message.id == part.message
    database.questions = 1000
    with pytest.raises(IndexAway):
        await wait_for_ticket(database, "acme", ticket, 0.1)
    await database.close()


async def test_a_greeting_is_in_its_own_state_and_found_by_its_ticket(
    database: Database, ticket: str
) -> None:
    mailbox = await make_mailbox(database)
    part = replace(make_part(mailbox.id), ticket=ticket, kind="greeting")

    assert await record_shipped(database, part) == "new"

    message = await find_ticket(database, "acme", ticket)
    assert message is not None
    assert message.state == "greeting"

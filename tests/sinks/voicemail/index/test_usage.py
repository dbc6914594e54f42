from message_index import NOON, SECRET, make_mailbox, ship

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.messages import change_state, delete_message
from listen_sinks.voicemail.index.records import Usage
from listen_sinks.voicemail.index.routes import load_routing
from listen_sinks.voicemail.index.usage import count_messages, mailbox_usage


async def test_deleted_messages_use_up_nothing(database: Database) -> None:
    mailbox = await make_mailbox(database)
    parts = [await ship(database, mailbox.id) for _ in range(3)]
    await change_state(database, "acme", parts[0].message, "saved", NOON)
    await delete_message(database, "acme", parts[1].message, NOON)

    counts = await count_messages(database, "acme", mailbox.id)

    assert await mailbox_usage(database, "acme", mailbox.id) == Usage(2, 20.0)
    assert counts == {"new": 1, "heard": 0, "saved": 1, "deleted": 1, "discarded": 0}


async def test_an_empty_mailbox_uses_up_nothing(database: Database) -> None:
    mailbox = await make_mailbox(database)

    assert await mailbox_usage(database, "acme", mailbox.id) == Usage(0, 0.0)
    assert await mailbox_usage(database, "globex", mailbox.id) == Usage(0, 0.0)


async def test_a_receiver_knows_which_mailbox_is_full(database: Database) -> None:
    full = await make_mailbox(database, settings={"max_total_seconds": 20})
    free = await make_mailbox(database, settings={"max_messages": 3})
    for mailbox in (full, free):
        for _ in range(2):
            await ship(database, mailbox.id)

    routes = (await load_routing(database, SECRET)).tenants["acme"]

    assert routes.mailboxes[full.id].full
    assert not routes.mailboxes[free.id].full

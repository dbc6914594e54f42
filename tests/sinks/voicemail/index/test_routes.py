from message_index import SECRET, make_key, make_mailbox

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailbox_keys import add_key
from listen_sinks.voicemail.index.mailboxes import change_mailbox
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.routes import load_routing
from listen_sinks.voicemail.index.routing import Routing, resolve
from listen_sinks.voicemail.index.tenants import change_tenant_settings, ensure_tenant


async def test_a_stream_goes_to_the_mailbox_that_has_its_number(database: Database) -> None:
    tenant = await ensure_tenant(database, "acme")
    numbers = number_key(SECRET, tenant.salt)
    await make_mailbox(database)
    sales = await make_mailbox(database, addresses=[numbers.mailbox("+44 20 7946 0000")])

    routing = await load_routing(database, SECRET)

    found = resolve(routing, "acme", to_number="00442079460000")
    assert found is not None
    assert found.destination.mailbox == sales.id
    assert Routing.from_bytes(routing.to_bytes(), SECRET) == routing


async def test_new_messages_are_sealed_to_the_newest_key(database: Database) -> None:
    mailbox = await make_mailbox(database)
    second = make_key(mailbox.id, 2)
    await add_key(database, second)

    found = resolve(await load_routing(database, SECRET), "acme")

    assert found is not None
    assert found.destination.key == second.public


async def test_a_mailboxs_own_settings_count_before_its_tenants(database: Database) -> None:
    mailbox = await make_mailbox(database, settings={"min_seconds": 1})
    await change_tenant_settings(database, "acme", {"min_seconds": 5, "max_messages": 9})
    await make_mailbox(database, "globex")

    routing = await load_routing(database, SECRET)

    assert routing.tenants["acme"].mailboxes[mailbox.id].settings == {
        "min_seconds": 1,
        "max_messages": 9,
    }
    assert routing.tenants["globex"].catch_all is not None


async def test_a_tenant_without_a_mailbox_is_known_and_has_nowhere_to_go(
    database: Database,
) -> None:
    await ensure_tenant(database, "acme")

    assert resolve(await load_routing(database, SECRET), "acme") is None


async def test_an_address_of_a_tenant_points_to_its_own_mailboxes_only(database: Database) -> None:
    tenant = await ensure_tenant(database, "acme")
    numbers = number_key(SECRET, tenant.salt)
    mailbox = await make_mailbox(database)
    await make_mailbox(database, "globex")
    await change_mailbox(database, "acme", mailbox.id, add_addresses=[numbers.mailbox("sales")])

    found = resolve(await load_routing(database, SECRET), "globex", metadata_mailbox="sales")

    assert found is not None
    assert (found.by, found.missed) == ("catch-all", ("metadata",))

import asyncio

import pytest
from message_index import make_key, make_mailbox
from sqlalchemy.exc import StatementError

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import (
    AddressTaken,
    TenantMade,
    UnknownMailbox,
    UnknownTenant,
)
from listen_sinks.voicemail.index.mailboxes import (
    add_mailbox,
    change_mailbox,
    find_mailbox,
    get_mailbox,
    list_mailboxes,
)
from listen_sinks.voicemail.index.tenants import ensure_tenant, list_tenants, new_tenant

SALES, SUPPORT = "1" * 64, "2" * 64  # keyed hashes


async def test_the_first_mailbox_of_a_tenant_is_its_catch_all(database: Database) -> None:
    first = await make_mailbox(database)
    second = await make_mailbox(database)
    stranger = await make_mailbox(database, "globex")

    assert (first.catch_all, second.catch_all, stranger.catch_all) == (True, False, True)
    assert [one.id for one in await list_mailboxes(database, "acme")] == [first.id, second.id]


async def test_another_mailbox_takes_over_as_catch_all(database: Database) -> None:
    first = await make_mailbox(database)
    second = await make_mailbox(database)

    third = await make_mailbox(database, catch_all=True)
    await change_mailbox(database, "acme", second.id, catch_all=True)

    boxes = {one.id: one.catch_all for one in await list_mailboxes(database, "acme")}
    assert boxes == {first.id: False, second.id: True, third.id: False}


async def test_mailboxes_made_at_once_leave_one_catch_all(database: Database) -> None:
    await ensure_tenant(database, "acme")

    made = await asyncio.gather(*[make_mailbox(database, catch_all=True) for _ in range(8)])

    listed = await list_mailboxes(database, "acme")
    assert len(listed) == len(made)
    assert sum(one.catch_all for one in listed) == 1


async def test_making_a_mailbox_again_changes_nothing(database: Database) -> None:
    await ensure_tenant(database, "acme")
    key = make_key()

    first = await add_mailbox(database, "acme", key, addresses=[SALES], settings={"a": 1})
    again = await add_mailbox(database, "acme", key, addresses=[SALES], settings={"a": 1})

    assert first == again
    assert (first.addresses, first.settings, first.key_version) == (1, {"a": 1}, 1)


async def test_a_mailbox_is_found_by_each_of_its_numbers(database: Database) -> None:
    mailbox = await make_mailbox(database, addresses=[SALES])
    await change_mailbox(database, "acme", mailbox.id, add_addresses=[SUPPORT])

    found = [await find_mailbox(database, "acme", one) for one in (SALES, SUPPORT, "3" * 64)]

    assert [one and one.id for one in found] == [mailbox.id, mailbox.id, None]
    assert await find_mailbox(database, "globex", SALES) is None


async def test_two_mailboxes_cannot_have_one_number(database: Database) -> None:
    await make_mailbox(database, addresses=[SALES])
    other = await make_mailbox(database)

    with pytest.raises(AddressTaken):
        await make_mailbox(database, addresses=[SALES])
    with pytest.raises(AddressTaken):
        await change_mailbox(
            database, "acme", other.id, add_addresses=[SALES], settings={"kept": 0}
        )

    assert (await get_mailbox(database, "acme", other.id)).settings == {}
    assert len(await list_mailboxes(database, "acme")) == 2


async def test_a_tenant_is_made_with_its_first_mailbox_or_not_at_all(database: Database) -> None:
    acme = new_tenant("acme")
    unwritable = {"kept": object()}

    with pytest.raises(StatementError):
        await add_mailbox(database, acme, make_key(), settings=unwritable)
    assert await list_tenants(database) == ()

    made = await add_mailbox(database, acme, make_key(), addresses=[SALES])
    assert made.tenant == "acme"
    assert await list_tenants(database) == (acme,)


async def test_who_makes_a_tenant_second_is_told_that_his_hashes_are_of_another_salt(
    database: Database,
) -> None:
    first = new_tenant("acme")
    await add_mailbox(database, first, make_key(), addresses=[SALES])

    with pytest.raises(TenantMade):
        await add_mailbox(database, new_tenant("acme"), make_key(), addresses=[SUPPORT])
    await add_mailbox(database, new_tenant("acme"), make_key())  # has no hash in it

    assert await list_tenants(database) == (first,)
    assert len(await list_mailboxes(database, "acme")) == 2


async def test_a_number_that_was_given_up_can_be_given_to_another(database: Database) -> None:
    first = await make_mailbox(database, addresses=[SALES])
    second = await make_mailbox(database)

    await change_mailbox(database, "acme", first.id, remove_addresses=[SALES])
    moved = await change_mailbox(database, "acme", second.id, add_addresses=[SALES])

    assert moved.addresses == 1
    assert await find_mailbox(database, "acme", SALES) == moved


async def test_two_tenants_can_have_one_number(database: Database) -> None:
    ours = await make_mailbox(database, addresses=[SALES])
    theirs = await make_mailbox(database, "globex", addresses=[SALES])

    assert await find_mailbox(database, "acme", SALES) == ours
    assert await find_mailbox(database, "globex", SALES) == theirs


async def test_a_mailbox_of_another_tenant_is_not_there(database: Database) -> None:
    mailbox = await make_mailbox(database)
    await make_mailbox(database, "globex")

    with pytest.raises(UnknownMailbox):
        await get_mailbox(database, "globex", mailbox.id)
    with pytest.raises(UnknownMailbox):
        await change_mailbox(database, "globex", mailbox.id, settings={"min_seconds": 0})
    with pytest.raises(UnknownTenant):
        await add_mailbox(database, "initech", make_key())


async def test_what_is_personal_about_a_mailbox_stays_sealed_and_opaque(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database, profile=b"\x01sealed")

    changed = await change_mailbox(database, "acme", mailbox.id, profile=b"\x01sealed anew")

    assert changed.profile == b"\x01sealed anew"
    assert "sealed anew" not in repr(changed)

import asyncio

import pytest

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownTenant
from listen_sinks.voicemail.index.tenants import (
    change_tenant_settings,
    ensure_tenant,
    list_tenants,
)


async def test_a_tenant_is_made_once_however_many_ask_at_once(database: Database) -> None:
    made = await asyncio.gather(*[ensure_tenant(database, "acme") for _ in range(10)])

    assert len({tenant.salt for tenant in made}) == 1
    assert [tenant.id for tenant in await list_tenants(database)] == ["acme"]


async def test_every_tenant_has_a_salt_of_its_own(database: Database) -> None:
    one = await ensure_tenant(database, "acme")
    other = await ensure_tenant(database, "globex")

    assert one.salt != other.salt


async def test_a_setting_is_changed_and_taken_away_again(database: Database) -> None:
    await ensure_tenant(database, "acme")

    await change_tenant_settings(database, "acme", {"min_seconds": 2, "greeting": "hello"})
    changed = await change_tenant_settings(database, "acme", {"min_seconds": None})

    assert changed.settings == {"greeting": "hello"}
    assert (await list_tenants(database))[0] == changed


async def test_nobody_changes_a_tenant_that_is_not_there(database: Database) -> None:
    with pytest.raises(UnknownTenant, match="globex"):
        await change_tenant_settings(database, "globex", {})

"""Tenants: whose mailboxes there are. mailboxes.py is what they have."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownTenant
from listen_sinks.voicemail.index.numbers import SALT
from listen_sinks.voicemail.index.records import Tenant
from listen_sinks.voicemail.index.schema import TenantRow
from listen_sinks.voicemail.index.statements import insert_once


def new_tenant(tenant: str) -> Tenant:
    """Return a tenant that is nowhere yet: `add_mailbox` makes it, with its first mailbox."""
    return Tenant(tenant, os.urandom(SALT), {})


async def ensure_tenant(database: Database, tenant: str) -> Tenant:
    """Return a tenant, made if there is none of this name. Raises IndexAway."""
    async with database.writing() as session:
        return _tenant(await made_tenant(session, new_tenant(tenant)))


async def made_tenant(session: AsyncSession, tenant: Tenant) -> TenantRow:
    """Return the row of a tenant, that others wait for; made if there is none of its name."""
    values = {
        "id": tenant.id,
        "salt": tenant.salt,
        "settings": dict(tenant.settings),
        "created_at": datetime.now(UTC),
    }
    await insert_once(session, TenantRow, values)
    return await locked_tenant(session, tenant.id)


async def list_tenants(database: Database) -> tuple[Tenant, ...]:
    """Return all tenants, by name. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(select(TenantRow).order_by(TenantRow.id))
        return tuple(_tenant(row) for row in rows)


async def change_tenant_settings(
    database: Database, tenant: str, changes: Mapping[str, Any]
) -> Tenant:
    """Set some settings, for all mailboxes that do not have their own; None takes one away.

    Raises UnknownTenant, IndexAway.
    """
    async with database.writing() as session:
        row = await locked_tenant(session, tenant)
        row.settings = merged(row.settings, changes)
        return _tenant(row)


async def locked_tenant(session: AsyncSession, tenant: str) -> TenantRow:
    """Return a tenant's row, that others wait for. Raises UnknownTenant."""
    row = await session.get(TenantRow, tenant, with_for_update=True)
    if row is None:
        raise UnknownTenant(f"there is no tenant {tenant}")
    return row


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the changes made; None takes one away."""
    new = {**settings, **changes}
    return {name: value for name, value in new.items() if value is not None}


def _tenant(row: TenantRow) -> Tenant:
    return Tenant(row.id, row.salt, dict(row.settings))

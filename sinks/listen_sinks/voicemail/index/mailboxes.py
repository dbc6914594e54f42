"""Mailboxes: made, found, listed, set. mailbox_keys.py has their key pairs.

The numbers of a mailbox come and stay as keyed hashes (numbers.py). `profile` is for what is
personal about one: sealed to its key (../profile.py), opaque here; profiles.py changes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import (
    AddressTaken,
    CatchAllNeeded,
    TenantMade,
    UnknownMailbox,
)
from listen_sinks.voicemail.index.mailbox_keys import key_row
from listen_sinks.voicemail.index.pins import destroy_pin
from listen_sinks.voicemail.index.records import Mailbox, Tenant
from listen_sinks.voicemail.index.schema import AddressRow, MailboxRow
from listen_sinks.voicemail.index.scrub import rows_move
from listen_sinks.voicemail.index.statements import insert_once
from listen_sinks.voicemail.index.tenants import locked_tenant, made_tenant, merged
from listen_sinks.voicemail.keys.rotation import MailboxKey


async def add_mailbox(
    database: Database,
    tenant: str | Tenant,
    key: MailboxKey,
    *,
    addresses: Sequence[str] = (),
    catch_all: bool = False,
    settings: Mapping[str, Any] | None = None,
    profile: bytes | None = None,
) -> Mailbox:
    """Make a mailbox with the first version of its key; the key says its id.

    A tenant's first mailbox is its catch-all. With `catch_all`, it takes that place from another.
    A whole tenant, in place of its name, is made with it, or not at all. Again with the same values
    it changes nothing. Raises UnknownTenant, TenantMade, AddressTaken, IndexAway.
    """
    async with database.writing() as session:
        tenant = await _tenant_for(session, tenant, addresses)
        if found := await session.get(MailboxRow, key.public.mailbox):
            return await _mailbox(session, found)
        others = await session.scalar(
            select(func.count()).where(MailboxRow.tenant == tenant, MailboxRow.catch_all)
        )
        if catch_all:
            await _give_up_catch_all(session, tenant)
        row = MailboxRow(
            id=key.public.mailbox,
            tenant=tenant,
            catch_all=catch_all or not others,
            key_version=key.public.version,
            settings=merged({}, settings or {}),
            profile=profile,
            legal_hold=False,
            created_at=datetime.now(UTC),
            erased_at=None,
        )
        session.add(row)
        await session.flush()
        session.add(key_row(key))
        await _add_addresses(session, row, addresses)
        return await _mailbox(session, row)


async def get_mailbox(database: Database, tenant: str, mailbox: str) -> Mailbox:
    """Return a mailbox. Raises UnknownMailbox, IndexAway."""
    async with database.reading() as session:
        return await _mailbox(session, await mailbox_row(session, tenant, mailbox))


async def find_mailbox(database: Database, tenant: str, address: str) -> Mailbox | None:
    """Return the mailbox that has a number or name, by its keyed hash. Raises IndexAway."""
    async with database.reading() as session:
        row = await session.get(AddressRow, (tenant, address))
        if row is None:
            return None
        return await _mailbox(session, await mailbox_row(session, tenant, row.mailbox))


async def list_mailboxes(database: Database, tenant: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a tenant, oldest first. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(MailboxRow)
            .where(MailboxRow.tenant == tenant, MailboxRow.erased_at.is_(None))
            .order_by(MailboxRow.id)
        )
        counts = await session.execute(
            select(AddressRow.mailbox, func.count())
            .where(AddressRow.tenant == tenant)
            .group_by(AddressRow.mailbox)
        )
        addresses = dict(counts.all())
        return tuple(_record(row, addresses.get(row.id, 0)) for row in rows)


async def change_mailbox(
    database: Database,
    tenant: str,
    mailbox: str,
    *,
    settings: Mapping[str, Any] | None = None,
    add_addresses: Sequence[str] = (),
    remove_addresses: Sequence[str] = (),
    profile: bytes | None = None,
    catch_all: bool = False,
) -> Mailbox:
    """Change what is given; a setting of None goes away; `catch_all` takes over that place.

    Raises UnknownMailbox, UnknownTenant, AddressTaken, IndexAway.
    """
    async with database.writing() as session:
        await locked_tenant(session, tenant)
        if catch_all:
            await _give_up_catch_all(session, tenant)
        row = await mailbox_row(session, tenant, mailbox, lock=True)
        row.settings = merged(row.settings, settings or {})
        row.profile = profile or row.profile
        row.catch_all = catch_all or row.catch_all
        await _remove_addresses(session, row, remove_addresses)
        await _add_addresses(session, row, add_addresses)
        await session.flush()
        return await _mailbox(session, row)


async def mailbox_row(
    session: AsyncSession, tenant: str, mailbox: str, *, lock: bool = False
) -> MailboxRow:
    """Return a row for use in a transaction. Raises UnknownMailbox, also if it is erased."""
    row = await session.get(
        MailboxRow, mailbox, with_for_update=lock or None, populate_existing=True
    )
    if row is None or row.tenant != tenant or row.erased_at is not None:
        raise UnknownMailbox(f"tenant {tenant} has no mailbox {mailbox}")
    return row


async def clear_mailbox(session: AsyncSession, row: MailboxRow, at: datetime) -> None:
    """Leave nothing of a mailbox but its id. Raises CatchAllNeeded while others could need it."""
    if row.catch_all:
        others = await session.scalar(
            select(func.count()).where(
                MailboxRow.tenant == row.tenant,
                MailboxRow.erased_at.is_(None),
                MailboxRow.id != row.id,
            )
        )
        if others:
            raise CatchAllNeeded("first make another mailbox of the tenant its catch-all")
    await rows_move(session)
    row.catch_all, row.settings, row.profile, row.erased_at = False, {}, None, at
    await session.execute(delete(AddressRow).where(AddressRow.mailbox == row.id))
    await destroy_pin(session, row.id)


async def _tenant_for(session: AsyncSession, tenant: str | Tenant, addresses: Sequence[str]) -> str:
    """Lock the tenant of a mailbox that is made, or make it; return its name."""
    if isinstance(tenant, str):
        return (await locked_tenant(session, tenant)).id
    row = await made_tenant(session, tenant)
    if addresses and row.salt != tenant.salt:
        raise TenantMade(f"tenant {row.id} was made meanwhile by somebody else: do it again")
    return row.id


async def _give_up_catch_all(session: AsyncSession, tenant: str) -> None:
    await session.execute(
        update(MailboxRow).where(MailboxRow.tenant == tenant).values(catch_all=False)
    )


async def _add_addresses(session: AsyncSession, row: MailboxRow, hashes: Iterable[str]) -> None:
    for one in hashes:
        values = {"tenant": row.tenant, "hash": one, "mailbox": row.id}
        if await insert_once(session, AddressRow, values):
            continue
        taken = await session.get(AddressRow, (row.tenant, one))
        if taken is None or taken.mailbox != row.id:
            raise AddressTaken("another mailbox of the tenant has this number or name")


async def _remove_addresses(session: AsyncSession, row: MailboxRow, hashes: Sequence[str]) -> None:
    await session.execute(
        delete(AddressRow).where(AddressRow.mailbox == row.id, AddressRow.hash.in_(hashes))
    )


async def _mailbox(session: AsyncSession, row: MailboxRow) -> Mailbox:
    count = await session.scalar(select(func.count()).where(AddressRow.mailbox == row.id))
    return _record(row, count or 0)


def _record(row: MailboxRow, addresses: int) -> Mailbox:
    return Mailbox(
        id=row.id,
        tenant=row.tenant,
        catch_all=row.catch_all,
        key_version=row.key_version,
        settings=dict(row.settings),
        profile=row.profile,
        addresses=addresses,
        legal_hold=row.legal_hold,
        created_at=row.created_at,
    )

"""Reads the table that streams are routed by. routing.py is what it does without a database."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.routing import Destination, Routing, TenantRoutes
from listen_sinks.voicemail.index.schema import AddressRow, MailboxKeyRow, MailboxRow, TenantRow
from listen_sinks.voicemail.index.usage import usage_of
from listen_sinks.voicemail.keys.mailbox import PublicKey
from listen_sinks.voicemail.policies import effective_settings, has_quota, is_full


async def load_routing(database: Database, secret: bytes) -> Routing:
    """Return all tenants with the newest public key of every mailbox.

    `secret` is that of the keyed hashes (own_secrets.py). Raises IndexAway.
    """
    async with database.reading() as session:
        tenants = (await session.scalars(select(TenantRow))).all()
        places = await _destinations(session, {row.id: row.settings for row in tenants})
        addresses: dict[str, dict[str, str]] = {row.id: {} for row in tenants}
        for address in await session.scalars(select(AddressRow)):
            addresses[address.tenant][address.hash] = address.mailbox
    routes: dict[str, TenantRoutes] = {}
    for row in tenants:
        own = places.get(row.id, [])
        routes[row.id] = TenantRoutes(
            salt=row.salt,
            numbers=number_key(secret, row.salt),
            mailboxes={place.mailbox: place for _, place in own},
            addresses=addresses[row.id],
            catch_all=next((place.mailbox for is_one, place in own if is_one), None),
        )
    return Routing(routes, datetime.now(UTC))


async def _destinations(
    session: AsyncSession, tenants: dict[str, dict[str, object]]
) -> dict[str, list[tuple[bool, Destination]]]:
    rows = await session.execute(
        select(MailboxRow, MailboxKeyRow)
        .join(
            MailboxKeyRow,
            (MailboxKeyRow.mailbox == MailboxRow.id)
            & (MailboxKeyRow.version == MailboxRow.key_version),
        )
        .where(MailboxRow.erased_at.is_(None))
    )
    boxes = [(box, key, {**tenants[box.tenant], **box.settings}) for box, key in rows]
    policies = {box.id: effective_settings(settings) for box, _, settings in boxes}
    usage = await usage_of(session, [box for box, policy in policies.items() if has_quota(policy)])
    found: dict[str, list[tuple[bool, Destination]]] = {}
    for box, key, settings in boxes:
        public = PublicKey(key.mailbox, key.version, key.kem, key.public)
        full = is_full(policies[box.id], usage.get(box.id))
        found.setdefault(box.tenant, []).append(
            (box.catch_all, Destination(public, settings, full))
        )
    return found

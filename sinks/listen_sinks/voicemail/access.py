"""What somebody works with who reads, manages or erases: made from the same settings as the sink.

plugin.py is for who takes calls. Here is no spool: a server may run at the same time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from listen_sinks.api import SinkError
from listen_sinks.faults import explain
from listen_sinks.objects import ObjectStore
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.numbers import NumberKey, number_key
from listen_sinks.voicemail.index.own_secrets import audit_key, number_secret
from listen_sinks.voicemail.index.records import Message, Receipt, Tenant
from listen_sinks.voicemail.index.schema import PartRow
from listen_sinks.voicemail.index.tenants import list_tenants
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.voicemail.root import Root
from listen_sinks.voicemail.store import MessageStore

AUDIT_KEY: Final = "audit.key"
"""File in the sink's folder with the key that signs the audit log."""
LEDGER: Final = "erasures.jsonl"
"""File beside it: the erasure ledger."""


@dataclass(frozen=True, slots=True)
class Access:
    """The voicemail store, for who manages it. All methods raise IndexAway."""

    config: VoicemailConfig
    database: Database
    objects: ObjectStore
    root: Root
    audit: AuditLog
    erasures: Erasures
    secret: bytes

    async def store(self) -> MessageStore:
        """Return the door for who may read. Raises SinkError where the root is lost."""
        return MessageStore(self.database, self.objects, await self.root.provider(), self.audit)

    def closed_store(self) -> MessageStore:
        """Return the same door for who has no keys: for checks against digests."""
        return MessageStore(self.database, self.objects, None, self.audit)

    async def count_parts(self) -> int:
        """Return how many parts are stored."""
        async with self.database.reading() as session:
            return await session.scalar(select(func.count()).select_from(PartRow)) or 0

    async def tenants(self) -> tuple[Tenant, ...]:
        """Return all tenants, by name."""
        return await list_tenants(self.database)

    def numbers(self, tenant: Tenant) -> NumberKey:
        """Return what the tenant's numbers are hashed with."""
        return number_key(self.secret, tenant.salt)

    async def find(self, message: str) -> Message:
        """Find a message of whatever tenant. Raises UnknownMessage."""
        for tenant in await self.tenants():
            try:
                return await get_message(self.database, tenant.id, message)
            except UnknownMessage:
                continue
        raise UnknownMessage(f"there is no message {message}, or it is erased")

    async def remove_objects(self, receipt: Receipt) -> None:
        """Delete what is left of an erasure in the store. Raises ObjectsAway; do it again then."""
        for name in receipt.objects:
            await self.objects.delete(name)
        await self.erasures.objects_gone(receipt.erasure)


@asynccontextmanager
async def access(plugin: Voicemail) -> AsyncIterator[Access]:
    """Open the store of a sink that is configured, and not opened. Raises SinkError."""
    config: VoicemailConfig = plugin.config
    folder = plugin.directory
    async with AsyncExitStack() as opened:
        try:
            key = await asyncio.to_thread(audit_key, folder / AUDIT_KEY)
            secret = await asyncio.to_thread(number_secret, folder / config.number_secret)
            await plugin.objects.open()
        except OSError as error:
            raise SinkError(explain(error, folder)) from error
        database = await asyncio.to_thread(Database, database_url(config, folder))
        opened.push_async_callback(database.close)
        root = await asyncio.to_thread(partial(Root, config.keys, folder, database))
        opened.push_async_callback(root.close)
        audit = AuditLog(key)
        erasures = Erasures(database, audit, Ledger(folder / LEDGER))
        yield Access(config, database, plugin.objects, root, audit, erasures, secret)


def database_url(config: VoicemailConfig, folder: Path) -> str:
    """Return where the index is."""
    if config.database is not None:
        return config.database.get_secret_value()
    return f"sqlite+aiosqlite:///{folder.absolute() / 'index.db'}"

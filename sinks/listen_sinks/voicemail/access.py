"""What somebody works with who reads, manages or erases: made from the same settings as the sink.

plugin.py is for who takes calls. Here is no spool: a server may run at the same time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from listen_sinks.api import SinkError
from listen_sinks.faults import explain
from listen_sinks.objects import ObjectStore
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.messages import find_message
from listen_sinks.voicemail.index.numbers import NumberKey, number_key
from listen_sinks.voicemail.index.records import Message, Receipt, Tenant
from listen_sinks.voicemail.index.tenants import list_tenants
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.voicemail.removing import remove_objects
from listen_sinks.voicemail.root import Root
from listen_sinks.voicemail.store import MessageStore


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
    spool: Path
    """That of this machine."""

    async def store(self) -> MessageStore:
        """Return the door for who may read. Raises SinkError where the root is lost."""
        return MessageStore(self.database, self.objects, await self.root.provider(), self.audit)

    def closed_store(self) -> MessageStore:
        """Return the same door for who has no keys: for checks against digests."""
        return MessageStore(self.database, self.objects, None, self.audit)

    async def tenants(self) -> tuple[Tenant, ...]:
        """Return all tenants, by name."""
        return await list_tenants(self.database)

    def numbers(self, tenant: Tenant) -> NumberKey:
        """Return what the tenant's numbers are hashed with."""
        return number_key(self.secret, tenant.salt)

    async def find(self, message: str) -> Message:
        """Find a message of whatever tenant. Raises UnknownMessage."""
        return await find_message(self.database, message)

    async def remove_objects(self, receipt: Receipt) -> None:
        """Delete what is left of an erasure in the store. Raises ObjectsAway; do it again then."""
        await remove_objects(self.erasures, self.objects, receipt)


@asynccontextmanager
async def access(plugin: Voicemail) -> AsyncIterator[Access]:
    """Open the store of a sink that is configured, and not opened. Raises SinkError."""
    config: VoicemailConfig = plugin.config
    folder = plugin.directory
    async with AsyncExitStack() as opened:
        try:
            secret = await asyncio.to_thread(plugin.number_secret)
            database = await asyncio.to_thread(Database, plugin.database_url)
            opened.push_async_callback(database.close)
            erasures = await asyncio.to_thread(plugin.erasures, database)
            await plugin.objects.open()
        except OSError as error:
            raise SinkError(explain(error, folder)) from error
        root = await asyncio.to_thread(partial(Root, config.keys, folder, database))
        opened.push_async_callback(root.close)
        yield Access(
            config,
            database,
            plugin.objects,
            root,
            erasures.audit,
            erasures,
            secret,
            plugin.spool.directory,
        )

"""The parts of the voicemail store, made, joined, opened and closed. sink.py is one stream of it.

sink.py -> spool/ -> ../shipping.py -> ship.py -> ../objects.py, index/
    mailboxes.py (which one), root.py (who can open it), housekeeping.py (what is old or erased)
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import structlog

from listen_sinks.api import Call, Sink, SinkContext, SinkError, SinkPlugin, Waiting, WhatWaits
from listen_sinks.faults import explain
from listen_sinks.objects import ObjectStore, directory_url
from listen_sinks.shipping import Shipping
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.fates import Fates
from listen_sinks.voicemail.housekeeping import Housekeeping
from listen_sinks.voicemail.index.audit_keys import PURPOSE as VOUCHING
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.own_secrets import audit_key, derived, number_secret
from listen_sinks.voicemail.late_words import LateWords
from listen_sinks.voicemail.mailboxes import Mailboxes
from listen_sinks.voicemail.root import Root
from listen_sinks.voicemail.ship import Shipper
from listen_sinks.voicemail.sink import VoicemailSink
from listen_sinks.voicemail.spool import Disk, Spool, SpoolLimits
from listen_sinks.voicemail.store import MessageStore
from listen_sinks.voicemail.transcribing import CatchingUp

log = structlog.get_logger(__name__)

AUDIT_KEY: Final = "audit.key"
"""File in the sink's folder with the key that signs the audit log."""
LEDGER: Final = "erasures.jsonl"
"""File beside it: the erasure ledger."""

_T = TypeVar("_T")


class Voicemail(SinkPlugin):
    """Keeps streams as sealed messages in mailboxes."""

    Config = VoicemailConfig

    def __init__(
        self, config: VoicemailConfig, context: SinkContext, disk: Disk | None = None
    ) -> None:
        super().__init__(config, context)
        self.directory: Path = context.data_dir
        if context.name != "voicemail":  # a second sink of this kind has everything of its own
            self.directory /= f"voicemail-{context.name}"
        self.spool = Spool(self.directory / config.spool, _limits(config), disk)
        self.objects = ObjectStore(_store_url(config, self.directory), _store_options(config))
        self.recovered = 0  # messages of killed processes that this one has brought to an end
        self.fates: Final = Fates()
        """What becomes of streams that came with a ticket."""
        self.root: Root
        """Who has the root key; once this is opened, as `database` and `erasing`."""
        self.erasing: Erasures
        """What erases in `database`."""
        self._secret: bytes | None = None

    async def open(self) -> None:
        """Finish what killed processes left behind, and learn which mailboxes there are."""
        async with AsyncExitStack() as opened:
            secret = self._secret = await self.in_thread(self.number_secret)
            self.database = Database(self.database_url)
            opened.push_async_callback(self.database.close)
            erasures = await self.in_thread(partial(self.erasures, self.database))
            root = Root(self.config.keys, self.directory, self.database)
            opened.push_async_callback(root.close)
            self.erasing, self.root = erasures, root
            await self._open_spool(opened)
            await self._open_mailboxes(opened, secret, root)
            self._keep_house(opened, erasures)
            self._catch_up(opened, erasures, root)
            self._opened = opened.pop_all()

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        del call
        return VoicemailSink(self)

    def derive(self, purpose: str) -> bytes | None:
        """Return 32 secret bytes for a purpose, the same in all processes that share a database.

        None before this is opened.
        """
        return None if self._secret is None else derived(self._secret, purpose)

    def unavailable(self) -> str | None:
        """Return why no call should come: no room, no working disk, or no key to seal to."""
        return self.spool.unavailable() or self.mailboxes.unavailable()

    async def waiting(self) -> Mapping[WhatWaits, Waiting]:
        """Return what the spool has of calls that are over, and what this process transcribes."""
        spooled = self.shipping.left()
        size = await asyncio.to_thread(lambda: sum(stored.size() for stored in spooled))
        oldest = min((stored.end.ended_at for stored in spooled), default=None)
        found: dict[WhatWaits, Waiting] = {"spool": Waiting(len(spooled), size, oldest)}
        with suppress(IndexAway):  # then the spool fills, and is what somebody looks for
            found["transcript"] = await self.catching_up.waiting()
        return found

    async def close(self) -> None:
        """Bring what is open to its end, and ship what can be shipped soon."""
        await self._opened.aclose()

    @property
    def database_url(self) -> str:
        """Where the index is."""
        if self.config.database is not None:
            url: str = self.config.database.get_secret_value()
            return url
        return f"sqlite+aiosqlite:///{self.directory.absolute() / 'index.db'}"

    def number_secret(self) -> bytes:
        """Read what numbers are hashed with, or make it. Blocks. Raises SinkError, OSError."""
        return number_secret(self.directory / self.config.number_secret)

    def erasures(self, database: Database) -> Erasures:
        """Make what erases in a database, and takes it down. Blocks. Raises as above."""
        vouching = derived(self.number_secret(), VOUCHING)
        audit = AuditLog(audit_key(self.directory / AUDIT_KEY), vouching)
        return Erasures(database, audit, Ledger(self.directory / LEDGER))

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do what blocks elsewhere. Raises SinkError, with a sentence for the operator."""
        return await self.told(asyncio.to_thread(work))

    async def told(self, doing: Awaitable[_T]) -> _T:
        """Wait for what may raise OSError. Raises SinkError, with a sentence for the operator."""
        try:
            return await doing
        except (OSError, ValueError) as error:
            raise SinkError(explain(error, self.spool.directory)) from error

    async def _open_spool(self, opened: AsyncExitStack) -> None:
        await self.told(self.objects.open())
        left_behind = await self.told(self.spool.open())
        opened.push_async_callback(self.spool.close)
        self.recovered = len(left_behind)
        if left_behind:
            log.info("finished the messages of a killed server", messages=self.recovered)
        self.shipper = Shipper(self.objects, self.database)
        self.shipping = Shipping(self.shipper.ship, "message", at_once=self.config.uploads)
        self.shipping.start()
        self.shipping.add(left_behind)
        opened.push_async_callback(self._wind_down)
        self.words = LateWords(self.database)
        self.words.start()
        opened.push_async_callback(self.words.close, self.config.close_timeout)

    async def _open_mailboxes(self, opened: AsyncExitStack, secret: bytes, root: Root) -> None:
        if self.config.create_mailboxes:
            with suppress(IndexAway):  # then when there is something to wrap
                await root.provider()
        self.mailboxes = Mailboxes(
            self.database,
            secret,
            self.directory / "mailboxes.json",
            root=root if self.config.create_mailboxes else None,
            interval=self.config.refresh_interval,
        )
        await self.mailboxes.open()
        opened.push_async_callback(self.mailboxes.close)

    def _keep_house(self, opened: AsyncExitStack, erasures: Erasures) -> None:
        interval = self.config.housekeeping_interval
        self.housekeeping = Housekeeping(erasures, self.objects, interval=interval)
        self.housekeeping.start()
        opened.push_async_callback(self.housekeeping.close)

    def _catch_up(self, opened: AsyncExitStack, erasures: Erasures, root: Root) -> None:
        async def store() -> MessageStore:
            provider = await root.provider()
            return MessageStore(self.database, self.objects, provider, erasures.audit)

        # Without a root key nothing opens here.
        interval = self.config.transcribe_interval if self.config.create_mailboxes else 0.0
        self.catching_up = CatchingUp(self.database, store, interval=interval)
        self.catching_up.start()
        opened.push_async_callback(self.catching_up.close)

    async def _wind_down(self) -> None:
        self.shipping.add(await self.spool.stop())
        await self.shipping.close(self.config.close_timeout)


def _limits(config: VoicemailConfig) -> SpoolLimits:
    return SpoolLimits(
        write_interval=config.write_interval,
        sync_interval=config.sync_interval,
        reserve=config.reserve,
        low_water=config.low_water,
    )


def _store_url(config: VoicemailConfig, directory: Path) -> str:
    return config.store if "://" in config.store else directory_url(directory / config.store)


def _store_options(config: VoicemailConfig) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in config.store_options.items()}

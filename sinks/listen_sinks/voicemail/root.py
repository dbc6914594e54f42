"""The root key's provider, opened when the index says whether it has wrapped anything before."""

import asyncio
from functools import partial
from pathlib import Path

import structlog

from listen_sinks.voicemail.config import KeysConfig
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailbox_keys import list_keys
from listen_sinks.voicemail.keys.making import make_provider
from listen_sinks.voicemail.keys.provider import KeyProvider

log = structlog.get_logger(__name__)


class Root:
    """Who wraps the private keys of new mailboxes. Taking calls for those that are needs none."""

    def __init__(self, config: KeysConfig, directory: Path, database: Database) -> None:
        self._make = partial(make_provider, config.provider, config.own, directory)
        self._database = database
        self._opening = asyncio.Lock()
        self._provider: KeyProvider | None = None

    async def provider(self) -> KeyProvider:
        """Return the provider, opened. Raises IndexAway, and SinkError for the operator.

        A root that is lost is not made anew: the messages that it opens would be lost with it.
        """
        async with self._opening:
            if self._provider is None:
                known = await list_keys(self._database)
                provider = await asyncio.to_thread(self._make)
                for notice in await provider.open(may_create=not known):
                    log.warning(notice.event, **notice.fields)
                self._provider = provider
            return self._provider

    async def close(self) -> None:
        """Let go of it."""
        if self._provider:
            await self._provider.close()

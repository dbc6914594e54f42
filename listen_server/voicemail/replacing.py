"""What a caller has recorded again: the older one goes, once the newer one is there.

leaving.py says which. Whoever hangs up in between has left both, which is better than none. Nothing
but silence takes no place, and goes.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from listen_server.stream import ONLY_SILENCE
from listen_server.voicemail.desk import Desk
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import IndexAway, IndexRefusal
from listen_sinks.voicemail.index.messages import delete_message
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.removing import remove_objects

log = structlog.get_logger(__name__)
ACTOR: Final = "caller"
"""Who does it, as the audit log has it."""
LEAST: Final = 1.0
"""Seconds of a recording that takes the place of one that its caller has heard of, or left."""
_PATIENCE: Final = 60.0  # seconds for a recording whose caller has hung up
_PAUSE: Final = 0.5  # seconds between two looks for it


class Replacing:
    """Lets go of messages that their callers have recorded again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._closing = asyncio.Event()
        self._followed: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def drop(self, tenant: str, message: str) -> None:
        """Take a message out of its mailbox, and erase it soon. What is on hold stays."""
        with suppress(IndexAway, IndexRefusal):
            await delete_message(self._desk.plugin.database, tenant, message, datetime.now(UTC))
            self._start(self._erase(tenant, message))

    def follow(self, tenant: str, ticket: str | None, message: str | None) -> None:
        """Drop a message when the recording that takes its place is there; nobody waits for it."""
        if ticket and message and ticket not in self._followed:
            self._followed.add(ticket)
            self._start(self._follow(tenant, ticket, message))

    async def settle(self, patience: float = 3.0) -> None:
        """Wait so many seconds until all is done; what is not, is left as it was."""
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._tasks:
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, tenant: str, ticket: str, message: str) -> None:
        try:
            newer = await self._newer(tenant, ticket)
            if newer is not None and newer.reason == ONLY_SILENCE:
                await self.drop(tenant, newer.id)
            elif newer is not None and _is_better(newer):
                await self.drop(tenant, message)
        except IndexAway:
            log.warning("a message that was recorded again stays: the index is away")
        finally:
            self._followed.discard(ticket)

    async def _newer(self, tenant: str, ticket: str) -> Message | None:
        """Wait for what came of a recording; while this server stops, look once more."""
        now = asyncio.get_running_loop().time
        until = now() + _PATIENCE
        while True:
            last = self._closing.is_set() or now() >= until
            newer = await find_ticket(self._desk.plugin.database, tenant, ticket)
            if newer is not None or last:
                return newer
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await self._closing.wait()

    async def _erase(self, tenant: str, message: str) -> None:
        """Erase what is deleted; where that fails, retention does it later."""
        plugin = self._desk.plugin
        with suppress(IndexAway, IndexRefusal, ObjectsAway, SinkError, OSError):
            receipt = await erase_message(plugin.erasing, tenant, message, actor=ACTOR)
            await remove_objects(plugin.erasing, plugin.objects, receipt)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_better(newer: Message) -> bool:
    """Tell whether a recording whose caller has hung up takes a place: there is enough of it."""
    return newer.state in KEPT and newer.outcome != "failed" and newer.seconds >= LEAST

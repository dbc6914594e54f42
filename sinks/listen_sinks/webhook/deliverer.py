"""What waits in the outbox, brought to the services that want it, as long as the server runs.

    ../voicemail/index/deliveries.py -> Deliverer -> way.py, one for each target -> target.py

At least once: an event is settled after it was answered, and a process that is killed in between
leaves it to the next, under the same id. Several processes may do this with one outbox.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import forget_settled, look
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.outbox import subscribe
from listen_sinks.webhook.way import POLL, Clock, Subscriber, Watcher, Way

log = structlog.get_logger(__name__)

_LOOK_EVERY: Final = 30.0  # seconds between two looks at what waits
_TELL_EVERY: Final = 300.0  # seconds between two lines about an outbox that is away
_AFTER_FAULT: Final = 60.0  # seconds
_TIDY_EVERY: Final = timedelta(hours=1)
_KEEP_DELIVERED: Final = timedelta(days=7)
_KEEP_DEAD: Final = timedelta(days=30)
_PATIENCE: Final = 5.0  # seconds at the end, for what is on its way


class Deliverer:
    """Delivers from one outbox, in the background."""

    def __init__(
        self,
        database: Database,
        webhooks: Mapping[str, Subscriber],
        watcher: Watcher,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._watcher = watcher
        self._clock = clock or Clock()
        self._told_away: float | None = None  # on the loop's clock
        self.subscribed = asyncio.Event()
        """Set when the outbox knows who wants to be told: before, it keeps nothing for them."""
        self._ways = [
            Way(database, name, webhook, watcher, self._clock) for name, webhook in webhooks.items()
        ]

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="deliver events")

    async def close(self) -> None:
        """Let what is on its way arrive, if that is soon; the rest is for the next start."""
        await asyncio.gather(*[way.stop(_PATIENCE) for way in self._ways])
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        await self._until_done(self._subscribe)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._until_done(self._look_after))
            for way in self._ways:
                group.create_task(self._until_done(way.work))

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what may take for ever, through all that the database may do."""
        while True:
            try:
                await work()
            except IndexAway as error:
                self._tell_away(error)
                await self._clock.sleep(POLL)
            except Exception:  # the other targets go on, and so does the server
                log.exception("events wait: they cannot be delivered")
                await self._clock.sleep(_AFTER_FAULT)
            else:
                return

    def _tell_away(self, error: IndexAway) -> None:
        now = asyncio.get_running_loop().time()
        if self._told_away is None or now - self._told_away > _TELL_EVERY:
            self._told_away = now
            log.warning("events wait: the outbox is away", says=str(error))

    async def _subscribe(self) -> None:
        wanted = {name: webhook.subscription for name, webhook in self._webhooks.items()}
        for name in await subscribe(self._database, wanted):
            log.warning(
                "target is not used: it has said that it is gone",
                target=name,
                fix=f"`listen-server events replay --target {name}` uses it again",
            )

        self.subscribed.set()

    async def _look_after(self) -> None:
        """Follow how long events wait, and now and then forget what was settled long ago."""
        tidied: datetime | None = None
        while True:
            now = self._clock.now()
            self._watcher.outbox_has(self, await look(self._database))
            if tidied is None or now - tidied > _TIDY_EVERY:
                tidied = now
                await forget_settled(self._database, "delivered", now - _KEEP_DELIVERED)
                await forget_settled(self._database, "dead", now - _KEEP_DEAD)
            await self._clock.sleep(_LOOK_EVERY)

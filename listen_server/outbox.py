"""Who is told of what happens here: events of this server, and the outboxes that have them.

    tell -> waiting room (files) -> outbox (the index) -> webhooks, mail   without one: nothing

app.py opens it around the sinks. What is delivered, and how, is listen_sinks/webhook and /mail.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import structlog

from listen_server.errors import ConfigError
from listen_server.plugins import ConfiguredSink
from listen_server.recordings_told import TellsOfRecordings, last_word
from listen_server.rejections import EVERY, Rejections
from listen_server.settings import Settings
from listen_server.telemetry import Telemetry
from listen_sinks.api import SinkError
from listen_sinks.webhook.events import Event, recording_failed
from listen_sinks.webhook.waiting_room import WaitingRoom, forget

if TYPE_CHECKING:
    from listen_server.mailing import OpenMail
    from listen_sinks.voicemail.index.database import Database
    from listen_sinks.webhook.deliverer import Deliverer
    from listen_sinks.webhook.way import Subscriber

log = structlog.get_logger(__name__)

_LOOK_EVERY: Final = 1.0  # seconds
_PATIENCE: Final = 2.0  # seconds for the indexes to learn who wants to be told
_MOST_UNWRITTEN: Final = 1000  # events
_FOLDER: Final = "events"


@runtime_checkable
class KeepsIndex(Protocol):
    """A plugin whose events are in an index of its own."""

    @property
    def database_url(self) -> str:
        """Where the index is."""


def index_urls(settings: Settings, sinks: Iterable[ConfiguredSink]) -> list[str]:
    """Return where outboxes are: in the sinks' indexes, else in one of the server's own."""
    plugins = [sink.plugin for sink in sinks]
    found = [plugin.database_url for plugin in plugins if isinstance(plugin, KeepsIndex)]
    own = f"sqlite+aiosqlite:///{settings.data_dir.absolute() / 'index.db'}"
    return list(dict.fromkeys(found or [own]))


class Outbox:
    """The events of one process, on their way."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._wanted = {kind for one in settings.webhooks.values() for kind in one.events}
        self._room = WaitingRoom(settings.data_dir / _FOLDER)
        self._rejections = Rejections()
        self._declined: list[Event] = []
        self._unwritten: deque[Event] = deque(maxlen=_MOST_UNWRITTEN)
        self._recorders: set[str] = set()

    @asynccontextmanager
    async def open(self, sinks: Mapping[str, ConfiguredSink]) -> AsyncIterator[None]:
        """Deliver while the block runs. Raises ConfigError."""
        if not self._settings.webhooks and self._settings.mail is None:
            retiring = asyncio.create_task(_once(partial(self._retire, sinks)))
            try:
                yield
            finally:
                await retiring
            return
        async with AsyncExitStack() as opened:
            database, deliverer = await self._start(opened, sinks)
            self._listen(sinks)
            move = partial(self._move, database, deliverer)
            moving = [
                asyncio.create_task(_every(_LOOK_EVERY, move)),
                asyncio.create_task(_every(EVERY, self._sum_up)),
            ]
            try:
                yield
            finally:
                for task in moving:
                    task.cancel()
                await asyncio.gather(*moving, return_exceptions=True)
                await _once(self._sum_up)
                await _once(move)

    # what is told

    def _listen(self, sinks: Mapping[str, ConfiguredSink]) -> None:
        if "stream.rejected" in self._wanted:
            self._telemetry.on_refusal = self._rejections.note
        for name, sink in sinks.items():
            if isinstance(sink.plugin, TellsOfRecordings):
                sink.plugin.when_saved.append(partial(self._recorded, name))
                self._recorders.add(name)
        self._telemetry.on_decline = self._not_recorded

    async def _recorded(self, sink: str, sidecar: Mapping[str, Any]) -> None:
        await asyncio.to_thread(self._tell, last_word(sink, sidecar))

    def _not_recorded(self, sink: str, stream: str, tenant: str | None) -> None:
        if sink in self._recorders:
            event = recording_failed(tenant=tenant, sink=sink, stream=stream, day=None)
            self._declined.append(event)

    async def _sum_up(self) -> None:
        await asyncio.to_thread(self._rejections.sum_up, self._tell)

    def _tell(self, event: Event) -> None:
        """Keep an event if somebody wants to know. Blocks.

        Never raises: what is told has happened, whether others learn of it or not.
        """
        if event.type not in self._wanted:
            return
        try:
            self._room.tell(event)
        except OSError as error:
            # A full disk is just what some events tell of.
            self._unwritten.append(event)
            log.error("event kept in memory: no file for it", kind=event.type, errno=error.errno)  # noqa: TRY400 - the way there says nothing

    async def _move(self, database: "Database", deliverer: "Deliverer") -> None:
        """Put what waits into the outbox; while that is away, it waits on."""
        from listen_sinks.voicemail.index.errors import IndexAway  # noqa: PLC0415 - see _start
        from listen_sinks.voicemail.index.outbox import put_alone  # noqa: PLC0415

        declined, self._declined = self._declined, []
        for event in declined:
            await asyncio.to_thread(self._tell, event)
        unwritten = list(self._unwritten)
        waiting = await asyncio.to_thread(self._room.waiting)
        if (unwritten or waiting) and deliverer.subscribed.is_set():
            with suppress(IndexAway):
                await put_alone(database, [*unwritten, *(event for _, event in waiting)])
                await asyncio.to_thread(forget, [path for path, _ in waiting])
                for event in unwritten:
                    self._unwritten.remove(event)
        left = await asyncio.to_thread(self._room.count) if waiting else 0
        self._telemetry.backlog.events_on_disk(left)

    # who is told

    async def _start(
        self, opened: AsyncExitStack, sinks: Mapping[str, ConfiguredSink]
    ) -> "tuple[Database, Deliverer]":
        """Deliver from every index; return the one that has what is in none, and who does it."""
        # What keeps an index takes long to import, and not everybody has one.
        from listen_sinks.voicemail.index.database import Database  # noqa: PLC0415
        from listen_sinks.webhook.deliverer import Deliverer  # noqa: PLC0415

        webhooks = await self._open_targets(opened)
        started = []
        for url in index_urls(self._settings, sinks.values()):
            database = await asyncio.to_thread(Database, url)
            opened.push_async_callback(database.close)
            mail = await self._open_mail(opened, url, sinks)
            deliverer = Deliverer(database, {**webhooks, **mail}, self._telemetry)
            deliverer.start()
            opened.push_async_callback(deliverer.close)
            started.append((database, deliverer))
        with suppress(TimeoutError):  # then later, and until then nobody is told
            async with asyncio.timeout(_PATIENCE):
                for _, deliverer in started:
                    await deliverer.subscribed.wait()
        return started[0]

    async def _open_targets(self, opened: AsyncExitStack) -> Mapping[str, "Subscriber"]:
        from listen_sinks.webhook.target import Target  # noqa: PLC0415 - see _start
        from listen_sinks.webhook.way import Subscriber  # noqa: PLC0415

        webhooks = {}
        for name, settings in self._settings.webhooks.items():
            target = Target(name, settings, self._settings.data_dir)
            opened.push_async_callback(target.close)
            try:
                await target.open()
            except SinkError as error:
                raise ConfigError(str(error)) from error
            webhooks[name] = Subscriber(target, settings)
        return webhooks

    async def _open_mail(
        self, opened: AsyncExitStack, url: str, sinks: Mapping[str, ConfiguredSink]
    ) -> Mapping[str, "Subscriber"]:
        """Make who tells the owners of an index's mailboxes, if that is wanted."""
        if self._settings.mail is None:
            return {}
        plugins = [sink.plugin for sink in sinks.values()]
        open_mail = await asyncio.to_thread(_mailing)
        try:
            return await open_mail(opened, self._settings, url, plugins)
        except SinkError as error:
            raise ConfigError(str(error)) from error

    async def _retire(self, sinks: Mapping[str, ConfiguredSink]) -> None:
        """Let indexes know that nobody wants to be told any more."""
        if not any(isinstance(sink.plugin, KeepsIndex) for sink in sinks.values()):
            return
        from listen_sinks.voicemail.index.database import Database  # noqa: PLC0415 - see _start
        from listen_sinks.voicemail.index.errors import IndexAway  # noqa: PLC0415
        from listen_sinks.voicemail.index.event_log import list_targets  # noqa: PLC0415
        from listen_sinks.voicemail.index.outbox import subscribe  # noqa: PLC0415

        for url in index_urls(self._settings, sinks.values()):
            database = await asyncio.to_thread(Database, url, patience=_PATIENCE)
            with suppress(IndexAway, SinkError):  # then at the next start
                if set((await list_targets(database)).values()) - {"retired"}:
                    await subscribe(database, {})
            await database.close()


def _mailing() -> "OpenMail":
    """Import who tells by mail: that takes a while, and reads files."""
    from listen_server.mailing import open_mail  # noqa: PLC0415 - see _start

    return open_mail


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await _once(work)
        await asyncio.sleep(seconds)


async def _once(work: Callable[[], Awaitable[None]]) -> None:
    """Do what must not keep the server from anything."""
    try:
        await work()
    except Exception:
        log.exception("events wait")

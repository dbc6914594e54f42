"""Is this process alive, and may it take new calls? Watched in the background, asked for free."""

import asyncio
import errno
import resource
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.settings import Settings
from listen_server.telemetry import Telemetry
from listen_sinks.api import SinkPlugin

log = structlog.get_logger(__name__)

_LAG_EVERY = 0.5  # seconds
_DISK_EVERY = 5.0  # seconds
FEW_FILES = 0.1  # of the file descriptors that a process may have


class Health:
    """What the probes and the admission ask."""

    def __init__(
        self, settings: Settings, credentials: CredentialStore, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._telemetry = telemetry
        self._opened = False
        self._plugins: Sequence[SinkPlugin] = ()
        self._mute: list[SinkPlugin] = []  # plugins that raised when asked: told once
        self._disk_low = False
        self._files_few = False
        self.draining: Callable[[], bool] = lambda: False

    def unavailable(self, *, draining_matters: bool = True) -> str | None:
        """Return why new calls are refused, or None."""
        if draining_matters and self.draining():
            return "draining"
        if not self._opened:
            return "starting"
        if self._disk_low:
            return "disk nearly full"
        return next((why for plugin in self._plugins if (why := self._ask(plugin))), None)

    def opened(self, plugins: Sequence[SinkPlugin] = ()) -> None:
        """Take note that every sink is ready."""
        self._opened = True
        self._plugins = plugins

    def _ask(self, plugin: SinkPlugin) -> str | None:
        try:
            return plugin.unavailable()
        except Exception:  # a plugin may raise anything; calls go on
            if plugin not in self._mute:
                self._mute.append(plugin)
                log.exception("cannot tell whether a sink is available", sink=plugin.context.name)
            return None

    async def watch(self) -> None:
        """Measure until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_loop())
            group.create_task(self._watch_files())

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(_LAG_EVERY)
            self._telemetry.loop_lag.observe(max(0.0, loop.time() - before - _LAG_EVERY))
            self._telemetry.draining.set(self.draining())
            self._telemetry.settle()  # other workers show it, too

    async def _watch_files(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.look)
            except Exception:
                log.exception("cannot look at disk and credentials")
            await asyncio.sleep(_DISK_EVERY)

    def look(self) -> None:
        """Look at the disk and at the credentials once. Blocks: not for the event loop."""
        self._look_at_disk()
        self._look_at_files()
        try:
            if self._credentials.reload():
                log.info("credentials read again", count=len(self._credentials))
        except ConfigError as error:
            log.warning("credentials unreadable: the ones known before stay", says=str(error))

    def _look_at_disk(self) -> None:
        with suppress(OSError):  # a data directory that is not there yet is not full
            usage = shutil.disk_usage(self._settings.data_dir)
            free = usage.free / (usage.total or 1)
            self._telemetry.disk_free.set(free)
            low = free < self._settings.min_free_disk
            if low != self._disk_low:
                self._disk_low = low
                log.warning(
                    "disk nearly full: new calls are refused" if low else "disk has room again"
                )

    def _look_at_files(self) -> None:
        """Follow how many more connections and files the system lets this process have."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            used = sum(1 for _ in Path("/dev/fd").iterdir())  # itself takes one to look
        except OSError as error:
            if error.errno != errno.EMFILE:
                return
            used = limit
        free = max(0.0, 1 - used / limit)
        self._telemetry.files_free.set(free)
        few = free < FEW_FILES
        if few != self._files_few:
            self._files_few = few
            if few:
                hint = "raise the limit of open files (LimitNOFILE, ulimit -n)"
                log.warning("file descriptors run out", open=used, limit=limit, hint=hint)
            else:
                log.warning("file descriptors are free again", open=used, limit=limit)

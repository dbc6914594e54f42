"""What sinks have on disk and not yet where it belongs, as metrics: asked now and then.

A sink that waits, or raises, costs nothing but its own figures.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, get_args

import structlog

from listen_server.backlog_metrics import BacklogMetrics
from listen_server.logs import failure
from listen_sinks.api import SinkPlugin, Waiting, Waits, WhatWaits

log = structlog.get_logger(__name__)

EVERY: Final = 15.0  # seconds between two looks
_PATIENCE: Final = 10.0  # seconds for one sink to say it

_KNOWN: Final = frozenset(get_args(WhatWaits))


class Backlog:
    """Follows what waits in the sinks of one process."""

    def __init__(self, plugins: Mapping[str, SinkPlugin], metrics: BacklogMetrics) -> None:
        self._waits = {name: one for name, one in plugins.items() if isinstance(one, Waits)}
        self._metrics = metrics
        self._mute: set[str] = set()  # sinks that could not say: told once

    async def watch(self) -> None:
        """Look until cancelled."""
        while self._waits:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Look once. Raises nothing."""
        for name, plugin in self._waits.items():
            try:
                async with asyncio.timeout(_PATIENCE):
                    self._show(name, await plugin.waiting())
            except Exception as error:  # noqa: BLE001 - a plugin may raise, and say, anything
                if name not in self._mute:
                    log.warning("cannot tell what waits in a sink", sink=name, why=failure(error))
                self._mute.add(name)
            else:
                self._mute.discard(name)

    def _show(self, name: str, found: Mapping[WhatWaits, Waiting]) -> None:
        for what, waiting in found.items():
            if what in _KNOWN:
                self._metrics.waits(name, what, waiting)

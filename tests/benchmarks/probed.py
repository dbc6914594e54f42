"""Any sink, with a meter on the streams that are followed: `[sinks.recording] kind = "probed"`.

The other streams get the sink itself. Loaded by its entry point as a stranger's plugin would be.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from typing import Any

from benchmarks.meter import Follower, Meter
from pydantic import BaseModel

from listen_codecs.formats import AudioBlock
from listen_sinks.api import (
    ENTRY_POINT_GROUP,
    Call,
    Outcome,
    Sink,
    SinkContext,
    SinkPlugin,
    StreamEvent,
)
from listen_sinks.voicemail.spool import Disk


class ProbedConfig(BaseModel):
    """Which sink is measured, and its own settings."""

    inner: str
    settings: dict[str, Any] = {}
    slow_syncs: list[float] = []
    """Seconds that each sync of voicemail's disk takes longer, in turn."""


class Probed(SinkPlugin):
    """Makes the sinks of another plugin."""

    Config = ProbedConfig

    def __init__(self, config: ProbedConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        (entry,) = entry_points(group=ENTRY_POINT_GROUP, name=config.inner)
        plugin: type[SinkPlugin] = entry.load()
        slow = {"disk": SlowDisk(config.slow_syncs)} if config.slow_syncs else {}
        self._inner = plugin(plugin.Config.model_validate(config.settings), context, **slow)
        self._meter = Meter()

    async def open(self) -> None:
        """Open the other plugin, and watch the loop."""
        await self._inner.open()
        self._watching = asyncio.create_task(self._meter.watch_loop())

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        sink = self._inner.sink(call)
        follower = self._meter.follow(call.attributes)
        return sink if follower is None else ProbedSink(sink, follower)

    async def close(self) -> None:
        """Leave the measurements in the data directory."""
        self._watching.cancel()
        await self._inner.close()
        await asyncio.to_thread(self._meter.save, self.context.data_dir)


class ProbedSink(Sink):
    """Tells the meter of every block before its sink gets it."""

    def __init__(self, sink: Sink, follower: Follower) -> None:
        self._sink = sink
        self._follower = follower

    async def start(self, call: Call) -> None:
        """Pass on."""
        await self._sink.start(call)

    async def audio(self, block: AudioBlock) -> None:
        """Measure, then pass on."""
        self._follower.take(block)
        await self._sink.audio(block)

    async def event(self, event: StreamEvent, at: float) -> None:
        """Pass on."""
        await self._sink.event(event, at)

    async def finish(self, outcome: Outcome) -> None:
        """Pass on."""
        await self._sink.finish(outcome)


class SlowDisk(Disk):
    """A disk whose syncs take long, as on a volume that others write to."""

    def __init__(self, seconds: Sequence[float]) -> None:
        super().__init__()
        self._delays = itertools.cycle(seconds)

    def sync(self, folder: int, files: Iterable[int]) -> None:
        """Sync, late."""
        time.sleep(next(self._delays))
        super().sync(folder, files)

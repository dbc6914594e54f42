"""The `webhook` sink: what happens in streams, told to a plugin author's service while they are on.

sink.py is one stream of it. From memory: the outbox has nothing to do with it.
"""

import asyncio

import structlog

from listen_sinks.api import Call, Sink, SinkContext, SinkPlugin
from listen_sinks.webhook.config import StreamConfig
from listen_sinks.webhook.line import Line
from listen_sinks.webhook.sink import WebhookSink
from listen_sinks.webhook.target import Target

log = structlog.get_logger(__name__)


class Webhook(SinkPlugin):
    """Tells a service what happens in streams: started, keys pressed, gaps, ended."""

    Config = StreamConfig

    def __init__(self, config: StreamConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        self._target = Target(context.name, config, context.data_dir)
        self._lines: dict[asyncio.Task[None], Line] = {}

    async def open(self) -> None:
        """Get ready; the service may be away."""
        self._at_once = asyncio.Semaphore(self.config.at_once)
        await self._target.open()

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        line = Line(call.stream_id, self._target, self.config.patience, self._at_once)
        return WebhookSink(self, line)

    def begin(self, line: Line) -> None:
        """Deliver what is put into a line, until its last event."""
        task = asyncio.create_task(line.deliver(), name="events of a stream")
        self._lines[task] = line
        task.add_done_callback(self._lines.pop)

    async def close(self) -> None:
        """Deliver what can be delivered soon; the rest is lost."""
        if self._lines:
            await asyncio.wait(list(self._lines), timeout=self.config.close_timeout)
        left = dict(self._lines)
        for task, line in left.items():
            task.cancel()
            line.give_up()
        await asyncio.gather(*left, return_exceptions=True)
        if lost := sum(line.lost for line in left.values()):
            log.warning(
                "events of streams lost: the server stops", sink=self.context.name, lost=lost
            )
        await self._target.close()

"""The transcript sink's parts: the engine, the hook, the streams that still say their last words.

sink.py is one stream of it.
"""

import asyncio

import structlog

from listen_sinks.api import Call, Sink, SinkContext, SinkError, SinkPlugin
from listen_sinks.transcript.board import BOARD, Offer
from listen_sinks.transcript.collected import Transcript as Collected
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.engines import make_transcriber
from listen_sinks.transcript.hook import Hook
from listen_sinks.transcript.session import Patience
from listen_sinks.transcript.sink import TranscriptSink

log = structlog.get_logger(__name__)


class Transcript(SinkPlugin):
    """Lets an engine understand streams, and shows what it understood."""

    Config = TranscriptConfig

    def __init__(self, config: TranscriptConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        try:
            self.transcriber = make_transcriber(config.engine, config.options, context)
        except ValueError as error:
            raise SinkError(str(error)) from error
        self.patience = Patience(
            opening=config.open_timeout,
            audio=config.open_timeout,
            drain=config.drain_timeout,
            ring=config.ring_seconds,
            catch_up=config.catch_up_seconds,
        )
        self.hook: Hook | None = None
        self._offer = Offer(self.transcriber, config.engine, config.language)
        self._draining: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Get the engine ready. Raises SinkError."""
        await self.transcriber.open()
        if self.config.hook is not None:
            self.hook = Hook(self.config)
            await self.hook.open()
        if self.config.engine != "null":
            BOARD.offers.append(self._offer)

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream. It is on the board before any sink of the call starts."""
        if self.config.engine == "null":
            return Sink()
        collected = Collected(self.config.engine, self.config.language)
        return TranscriptSink(self, BOARD.post(call.stream_id, collected))

    def leave(self, task: asyncio.Task[None]) -> None:
        """Take over a stream that has ended, and whose engine still works."""
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    @property
    def draining(self) -> int:
        """Streams that have ended, and whose engine still works."""
        return len(self._draining)

    async def close(self) -> None:
        """Wait a while for last words, and let go."""
        if self._offer in BOARD.offers:
            BOARD.offers.remove(self._offer)
        if self._draining:
            _, late = await asyncio.wait(self._draining, timeout=self.config.close_timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                log.warning("some transcripts are not whole", streams=len(late))
        if self.hook is not None:
            await self.hook.close()
        await self.transcriber.close()

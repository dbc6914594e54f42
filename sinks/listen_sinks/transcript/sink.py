"""The transcript sink: one stream's audio to its engine, and results to whoever is told.

session.py does all that waits, in a task of its own; nothing here does.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Gap, MetadataArrived, Outcome, Sink, SinkError, StreamEvent
from listen_sinks.transcript.api import EngineRefused, Result
from listen_sinks.transcript.board import Posting
from listen_sinks.transcript.kept import SHELF
from listen_sinks.transcript.session import Session

if TYPE_CHECKING:
    from listen_sinks.transcript.hook import Deliveries
    from listen_sinks.transcript.plugin import Transcript

log = structlog.get_logger(__name__)


class TranscriptSink(Sink):
    """Has one stream understood."""

    def __init__(self, plugin: "Transcript", posting: Posting) -> None:
        self._plugin = plugin
        self._posting = posting
        self._deliveries: Deliveries | None = None
        self._refused: SinkError | None = None
        self._ended = False

    async def start(self, call: Call) -> None:
        """Begin to look for an engine; the call goes on meanwhile."""
        self._call = call
        transcript = self._posting.transcript
        if self._plugin.hook is not None:
            self._deliveries = self._plugin.hook.deliveries(call)
        self._session = Session(
            self._plugin.transcriber.engine,
            call.format,
            transcript.language,
            heard=self._heard,
            missed=transcript.miss,
            patience=self._plugin.patience,
            kept=partial(SHELF.find, call.stream_id),
        )
        self._task = asyncio.create_task(self._run(), name="transcript")

    async def audio(self, block: AudioBlock) -> None:
        """Keep a block, shape (channels, frames), int16, until the engine has it."""
        self._raise()
        self._session.put(block)

    async def event(self, event: StreamEvent, at: float) -> None:  # noqa: ARG002 - the ring counts
        """Keep the time right where this sink's own queue lost audio."""
        if isinstance(event, Gap) and event.reason == "sink too slow":
            self._session.skip(event.seconds)
        elif isinstance(event, MetadataArrived) and self._deliveries is not None:
            self._deliveries.describe(event.attributes)

    async def finish(self, outcome: Outcome) -> None:
        """Let the engine have its last words; the call does not wait for them."""
        if self._task.done():  # the engine gave up: what came since is not covered either
            self._posting.transcript.miss(self._session.seconds, outcome.seconds)
        self._ended = True
        self._session.end()
        self._plugin.leave(self._task)
        self._raise()

    async def _run(self) -> None:
        transcript = self._posting.transcript
        try:
            transcript.whole = await self._session.run()
        except EngineRefused as error:
            self._refused = SinkError(f"the engine {transcript.engine!r} gave up: {error}")
            if self._ended:  # nobody is there to raise it to
                says = str(self._refused)
                log.error("sink failed", says=says, stream=self._call.stream_id)  # noqa: TRY400 - a sentence
        finally:
            if self._deliveries is not None:
                self._deliveries.end()
            self._posting.end()

    def _heard(self, result: Result) -> None:
        self._posting.post(result)
        if self._deliveries is not None and (result.is_final or self._plugin.config.hook_interim):
            self._deliveries.put(result)

    def _raise(self) -> None:
        """Tell the server why there is no transcript, once."""
        refused, self._refused = self._refused, None
        if refused is not None:
            raise refused

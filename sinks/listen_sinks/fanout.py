"""Many sinks as one. Each is wrapped in buffered.py first, so none of them ever waits here."""

from collections.abc import Sequence

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Outcome, Sink, StreamEvent


class FanOut(Sink):
    """Gives every sink the same blocks and events, in order."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    async def start(self, call: Call) -> None:
        """Start every sink."""
        for sink in self._sinks:
            await sink.start(call)

    async def audio(self, block: AudioBlock) -> None:
        """Share one read-only block, shape (channels, frames), int16."""
        for sink in self._sinks:
            await sink.audio(block)

    async def event(self, event: StreamEvent, at: float) -> None:
        """Tell every sink."""
        for sink in self._sinks:
            await sink.event(event, at)

    async def finish(self, outcome: Outcome) -> None:
        """Finish every sink."""
        for sink in self._sinks:
            await sink.finish(outcome)

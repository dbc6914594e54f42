"""A sink that keeps nothing: what is measured with it is the server's own cost. memory.py keeps."""

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Sink, SinkPlugin


class Discard(SinkPlugin):
    """Counts what it is given, and forgets it."""

    streams: int = 0
    frames: int = 0

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        del call
        self.streams += 1
        return DiscardSink(self)


class DiscardSink(Sink):
    """Lets one stream pass."""

    def __init__(self, plugin: Discard) -> None:
        self._plugin = plugin

    async def audio(self, block: AudioBlock) -> None:
        """Count the frames of a block, shape (channels, frames), int16."""
        self._plugin.frames += block.shape[1]

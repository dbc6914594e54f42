"""The engine that understands nothing, and costs nothing: the default without a configuration."""

from collections.abc import AsyncIterator

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.transcript.api import Engine, Result, TranscriberPlugin


class NullEngine(Engine):
    """Gives no result."""

    async def open(self, audio_format: AudioFormat, language: str) -> None:
        """Need nothing."""

    async def audio(self, block: AudioBlock) -> None:
        """Forget it."""

    async def results(self) -> AsyncIterator[Result]:
        """Give none."""
        nothing: tuple[Result, ...] = ()
        for result in nothing:
            yield result

    async def drain(self) -> None:
        """Have nothing to say."""

    async def close(self) -> None:
        """Hold nothing."""


class Null(TranscriberPlugin):
    """Makes engines that understand nothing. The sink does not even ask for one."""

    def engine(self) -> Engine:
        """Make one."""
        return NullEngine()

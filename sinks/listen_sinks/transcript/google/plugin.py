"""Google as a transcriber: configured here, opened once, an engine for each stream."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import BaseModel

from listen_sinks.api import SinkContext, SinkError
from listen_sinks.transcript.api import Engine, TranscriberPlugin
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.engine import GoogleEngine

if TYPE_CHECKING:
    from listen_sinks.transcript.google.service import Service

TICK: Final = 0.25
"""Seconds between two looks at what takes too long."""


class Google(TranscriberPlugin):
    """Makes engines that stream to Google Cloud Speech-to-Text."""

    Config: ClassVar[type[BaseModel]] = GoogleConfig

    def __init__(
        self, config: GoogleConfig, context: SinkContext, *, clock: Clock | None = None
    ) -> None:
        super().__init__(config, context)
        self.clock = clock or Clock()
        self._service: Service | None = None
        self._engines: set[GoogleEngine] = set()
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Find the credential. Raises SinkError, with what is missing."""
        self._service = await asyncio.to_thread(self._make_service)
        self._service.connect()
        self._watch = asyncio.create_task(self._look())

    def engine(self) -> Engine:
        """Make the engine of one stream."""
        if self._service is None:
            raise SinkError("this transcriber is not open")
        engine = GoogleEngine(self.config, self._service, self.clock, self._engines.discard)
        self._engines.add(engine)
        return engine

    async def close(self) -> None:
        """Let go of engines that are left, and of the connections."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for engine in list(self._engines):
            await engine.close()
        if self._service is not None:
            await self._service.close()
            self._service = None

    def _make_service(self) -> "Service":
        # gRPC and Google's messages take a second to import: only for who uses them.
        from listen_sinks.transcript.google.service import Service, load_credential  # noqa: PLC0415

        config: GoogleConfig = self.config
        if config.insecure:
            return Service(config, None)
        credential = load_credential(config.credentials_file)
        if config.api == "v2" and not (config.project or credential.project):
            raise SinkError("the credential for Google names no project: set project")
        try:
            roots = config.root_certificates and config.root_certificates.read_bytes()
        except OSError as error:
            raise SinkError(f"root_certificates cannot be read: {error.strerror}") from error
        return Service(config, credential, roots or None)

    async def _look(self) -> None:
        while True:
            await self.clock.sleep(TICK)
            now = self.clock.now()
            for engine in list(self._engines):
                engine.look(now)

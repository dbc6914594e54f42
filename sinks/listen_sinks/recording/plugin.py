"""The recorder: its parts made, opened and closed. sink.py is one stream of it.

open/<run>/ -> placing.py: the folder of the day
            -> ship.py, ../shipping.py, ../objects.py: a bucket
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import structlog

from listen_sinks.api import Call, Sink, SinkContext, SinkError, SinkPlugin, Waiting, WhatWaits
from listen_sinks.description import Document
from listen_sinks.faults import explain
from listen_sinks.folders import Run, left_behind, make_folder
from listen_sinks.group_writer import GroupWriter
from listen_sinks.objects import ObjectStore
from listen_sinks.recording.config import RecordingConfig
from listen_sinks.recording.encoder import Encoder
from listen_sinks.recording.open_recording import OpenRecording
from listen_sinks.recording.placing import DayFolders, Home
from listen_sinks.recording.recovery import recover
from listen_sinks.recording.room import Room
from listen_sinks.recording.ship import Outbound
from listen_sinks.recording.sink import RecordingSink

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

FILE_THREADS: Final = 4  # that start and finish recordings; one more writes audio


class Recording(SinkPlugin):
    """Records streams as WAV, FLAC or Opus files, each with a JSON sidecar."""

    Config = RecordingConfig
    finish_timeout: ClassVar[float] = 3600.0  # Opus of a long call behind others

    def __init__(self, config: RecordingConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        own = "recordings" if context.name == "recording" else f"recordings-{context.name}"
        self.directory: Path = context.data_dir / (config.folder or own)
        self.outbound = _outbound(config, self.saved)
        self.room = Room(self.directory, config.low_water)
        self.recovered = 0  # recordings of killed processes that this one has finished
        self.when_saved: list[Callable[[Document], Awaitable[None]]] = []
        """Told the sidecar of every recording that is at its place. On its way to a bucket it may
        raise, or the process be killed: then it is told again. In a directory it is told once at
        most, and must not raise."""
        self._home: Home = self.outbound or DayFolders(self.directory)
        self._left_behind: list[Run] = []

    async def open(self) -> None:
        """Finish what killed processes left behind, then get ready to record."""
        self.writer = GroupWriter(self.config.write_interval, "recording-writer")
        self.encoder = Encoder(self.config.encoders)
        self._threads = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="recording-files")
        if self.outbound:
            self.outbound.open()
        found = await self.in_thread(self._begin)
        self.recovered = len(found)
        if found:
            log.info("finished what a killed server left behind", recordings=len(found))
        if self.outbound:
            self.outbound.shipping.start()
        await self._saved_here(found)
        self.writer.start()
        self._watching = asyncio.create_task(self.room.watch(), name="recording room")

    def sink(self, call: Call) -> Sink:
        """Make the sink of one stream."""
        return RecordingSink(self, OpenRecording(call, self.run.folder, self._home, self.config))

    def unavailable(self) -> str | None:
        """Return why no call should come: there is no room for what it says."""
        return "recordings are low on space" if self.room.low else None

    async def close(self) -> None:
        """Stop writing, finish what was not, and ship what can be shipped soon."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await self.writer.stop()
        await self.encoder.close()
        await asyncio.to_thread(self._threads.shutdown)  # a `finish` that was cut may be in one
        waiting = frozenset(self.outbound.streams if self.outbound else ())
        found = await asyncio.to_thread(
            recover, self.run.folder, self._home, "server stopped", waiting
        )
        await self._saved_here(found)
        if self.outbound:
            await self.outbound.shipping.close(self.config.close_timeout)
        await asyncio.to_thread(self._end)

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do what blocks elsewhere. Raises SinkError, with a sentence for the operator."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (OSError, ValueError) as error:
            raise SinkError(explain(error, self.directory)) from error

    async def waiting(self) -> Mapping[WhatWaits, Waiting]:
        """Return what is to go to the bucket, if there is one."""
        if self.outbound is None:
            return {}
        return {"spool": await self.outbound.waiting()}

    async def bring(self, recording: OpenRecording) -> None:
        """Bring a finished recording to its place, or on its way there. Raises SinkError."""
        await self.in_thread(recording.bring)
        await self._saved_here([recording.document])

    async def saved(self, document: Document) -> None:
        """Tell who wants to know that a recording is at its place."""
        for tell in self.when_saved:
            await tell(document)

    async def _saved_here(self, documents: list[Document]) -> None:
        if self.outbound is None:
            for document in documents:
                await self.saved(document)

    def _begin(self) -> list[Document]:
        make_folder(self.directory)
        self.room.look()
        found = []
        for run in left_behind(self.directory):
            found += recover(run.folder, self._home, "server killed")
            if self.outbound:
                self._left_behind.append(run)  # ours, until all of it is in the bucket
            else:
                run.end()
        self.run = Run.begin(self.directory)
        return found

    def _end(self) -> None:
        for run in [*self._left_behind, self.run]:
            run.end()
        self._left_behind.clear()


def _outbound(
    config: RecordingConfig, saved: Callable[[Document], Awaitable[None]]
) -> Outbound | None:
    if config.bucket is None:
        return None
    options = {name: value.get_secret_value() for name, value in config.store_options.items()}
    return Outbound(ObjectStore(config.bucket, options), saved, uploads=config.uploads)

"""The spool: messages on the local disk while their calls are on, and until they are shipped.

    <directory>/open/<run>/...     of one process, locked; names.py has the files in it

stream.py is one message as the event loop sees it. Nothing here blocks.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from listen_sinks.folders import Run, left_behind, make_folder
from listen_sinks.group_writer import GroupWriter
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.group_commit import GroupCommit
from listen_sinks.voicemail.spool.names import stem_of
from listen_sinks.voicemail.spool.open_message import Beginning, OpenMessage
from listen_sinks.voicemail.spool.recovery import left_in, recover
from listen_sinks.voicemail.spool.space import Space
from listen_sinks.voicemail.spool.stored import Stored, drop_files
from listen_sinks.voicemail.spool.stream import SpooledStream

KILLED: Final = "server killed"
STOPPED: Final = "server stopped"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How often the spool writes, and how much room it needs."""

    write_interval: float = 0.5  # seconds
    sync_interval: float = 1.0  # seconds
    reserve: int = 2**25  # bytes
    low_water: int = 2**28  # bytes


class Spool:
    """The spool of one process, beside those of others in the same directory."""

    def __init__(self, directory: Path, limits: SpoolLimits, disk: Disk | None = None) -> None:
        self.directory = directory
        self.disk = disk or Disk()
        self._limits = limits
        self._left_behind: list[Run] = []
        self._chores: set[asyncio.Task[None]] = set()

    async def open(self) -> list[Stored]:
        """Get ready; return what killed processes left behind. Raises OSError."""
        recovered = await asyncio.to_thread(self._open)
        self._readers = ThreadPoolExecutor(1, "voicemail-reader")
        self.writer = GroupWriter(self._limits.write_interval, "voicemail-writer")
        self.commits = GroupCommit(
            self.writer, self.disk, self.space, self._run.folder, self._limits.sync_interval
        )
        await asyncio.to_thread(self.commits.open)
        self.writer.start()
        self.commits.start()
        return recovered

    def unavailable(self) -> str | None:
        """Say why no new call should come, in a few words, or None."""
        if self.space.low:
            return "the spool is full" if self.space.full else "the spool is low on space"
        return self.commits.trouble()

    async def begin(self, prepare: Callable[[], Beginning]) -> SpooledStream:
        """Begin a message: when this returns, its key and its header last. Raises OSError.

        `prepare` is called in a thread.
        """
        begun: list[OpenMessage] = []
        try:
            await self.writer.do(partial(self._begin, prepare, begun))
            await self.commits.commit()
        except BaseException:
            chore = asyncio.create_task(self._abandon(begun), name="voicemail abandon")
            self._chores.add(chore)
            chore.add_done_callback(self._chores.discard)
            raise
        return SpooledStream(self.writer, self.commits, self.disk, begun[0], self._readers)

    async def stop(self) -> list[Stored]:
        """Stop writing; return the messages that nobody brought to an end."""
        if self._chores:
            await asyncio.wait(self._chores)
        await self.commits.stop()
        await self.writer.stop()
        await asyncio.to_thread(self._readers.shutdown)
        return await asyncio.to_thread(self._stop)

    async def close(self) -> None:
        """Let go of the folders; what is in them is for the next start."""
        await asyncio.to_thread(self._close)

    # in threads

    def _open(self) -> list[Stored]:
        make_folder(self.directory)
        self._left_behind = left_behind(self.directory)
        recovered = [
            stored
            for run in self._left_behind
            for stored in recover(left_in(run.folder, self.disk), self.disk, KILLED)
        ]
        self._run = Run.begin(self.directory)
        self.space = Space(
            self.disk,
            self._run.folder,
            reserve=self._limits.reserve,
            low_water=self._limits.low_water,
        )
        self.space.look()
        return recovered

    def _begin(self, prepare: Callable[[], Beginning], begun: list[OpenMessage]) -> None:
        beginning = prepare()
        note = beginning.note
        stem = stem_of(self._run.folder, note.message, note.part)
        message = OpenMessage(self.disk, self.space, stem, beginning)
        begun.append(message)
        message.begin()
        self.commits.members[message] = None

    async def _abandon(self, begun: list[OpenMessage]) -> None:
        await self.writer.do(partial(self._forget, begun))

    def _forget(self, begun: list[OpenMessage]) -> None:
        for message in begun:
            self.commits.members.pop(message, None)
            message.close()
            with suppress(OSError):  # a message without a sample: the next start removes it
                drop_files(self.disk, message.files)

    def _stop(self) -> list[Stored]:
        self.space.give_up_reserve()
        found = []
        for message in self.commits.members:
            message.close()
            found += recover([message.files], self.disk, STOPPED)
        return found

    def _close(self) -> None:
        for run in [*self._left_behind, self._run]:
            run.end()

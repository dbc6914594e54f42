"""Once a second, what was written for all calls is made to last, by one sync for all of them.

    writer's thread: mark -> own thread: sync -> writer's thread: confirm, or start over

The writer goes on while a slow disk syncs: what a killed process loses does not grow with it.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from listen_sinks.group_writer import GroupWriter
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.open_message import OpenMessage
from listen_sinks.voicemail.spool.space import Space

log = structlog.get_logger(__name__)

MOST_FAILURES: Final = 3  # syncs in a row, until calls that are on are cut
GATHERING: Final = 0.02  # seconds that somebody who waits for a commit waits for others
STALLED: Final = 10.0  # seconds of one sync, until new calls are refused


class GroupCommit:
    """Makes the messages in a folder last."""

    def __init__(
        self, writer: GroupWriter, disk: Disk, space: Space, folder: Path, interval: float
    ) -> None:
        self._writer = writer
        self._disk = disk
        self._space = space
        self._folder = folder
        self._interval = interval  # seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voicemail-sync")
        self._asked = asyncio.Event()
        self._began: float | None = None  # of the sync that is going on, on the loop's clock
        self._failures = 0  # in a row
        self.members: dict[OpenMessage, None] = {}
        """Messages that grow, and those whose end is not known to last. The writer's thread's."""

    def open(self) -> None:
        """Open the folder. Blocks."""
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)

    def start(self) -> None:
        """Begin to commit."""
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Future[OSError | None] = self._loop.create_future()
        self._rounds = asyncio.create_task(self._keep_committing(), name="voicemail commit")

    async def stop(self) -> None:
        """End with a last commit."""
        with contextlib.suppress(OSError):
            await self.commit()
        self._rounds.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._rounds
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(os.close, self._descriptor)

    async def commit(self) -> None:
        """Return when all that was written before this call lasts. Raises OSError if it may not.

        What failed is in new files then, and the next commit is for them.
        """
        waiting = self._next
        self._asked.set()
        if error := await asyncio.shield(waiting):
            raise error

    def trouble(self) -> str | None:
        """Say why no new call should come, in a few words, or None."""
        if self._failures:
            return "the disk of the spool fails"
        if self._began is not None and self._loop.time() - self._began > STALLED:
            return "the disk of the spool does not answer"
        return None

    async def _keep_committing(self) -> None:
        while True:
            await self._wait()
            self._asked.clear()
            waiting, self._next = self._next, self._loop.create_future()
            try:
                waiting.set_result(await self._commit())
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
                log.warning("sync failed, unforeseen", error=repr(error))
                self._failures += 1
                waiting.set_result(OSError(errno.EIO, repr(error)))

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await self._asked.wait()
                await asyncio.sleep(GATHERING)

    async def _commit(self) -> OSError | None:
        messages = await self._writer.do(self._mark)
        if not messages and not self._failures:
            return None
        error = await self._sync([d for message in messages for d in message.descriptors])
        self._failures = self._failures + 1 if error else 0
        if error is None:
            await self._writer.do(partial(_confirm, messages))
            return None
        log.error("sync failed: going on in new files", errno=error.errno, failures=self._failures)
        await self._writer.do(partial(self._start_over, messages, error))
        return error

    async def _sync(self, descriptors: Sequence[int]) -> OSError | None:
        self._began = self._loop.time()
        sync = partial(self._disk.sync, self._descriptor, descriptors)
        try:
            await self._loop.run_in_executor(self._thread, sync)
        except OSError as error:
            return error
        finally:
            self._began = None
        return None

    def _mark(self) -> list[OpenMessage]:
        self._space.look()
        messages = [message for message in self.members if message.dirty]
        for message in messages:
            message.mark()
        return messages

    def _start_over(self, messages: Sequence[OpenMessage], error: OSError) -> None:
        self._space.refused(error)
        for message in messages:
            if self._failures >= MOST_FAILURES:
                message.problem = error
            else:
                try:
                    message.start_over()
                except OSError as another:
                    message.problem = another


def _confirm(messages: Sequence[OpenMessage]) -> None:
    for message in messages:
        message.confirm()

"""One message as the event loop sees it: samples go in, the writer's thread does the rest."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from listen_codecs.formats import AudioBlock
from listen_sinks.group_writer import GroupWriter, Tape
from listen_sinks.voicemail.sealed import Label, Refused
from listen_sinks.voicemail.spool.cut import cut_by_reading
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.group_commit import MOST_FAILURES, GroupCommit
from listen_sinks.voicemail.spool.note import End, Note
from listen_sinks.voicemail.spool.open_message import OpenMessage, Plain
from listen_sinks.voicemail.spool.stored import Stored
from listen_sinks.voicemail.spool.written import Samples

MOST_WAITING: Final = 4.0
"""Seconds of audio that may wait in memory for a slow disk; its sink waits then."""
LEAST_WAITING: Final = 2**17  # bytes that may always wait


class SpooledStream:
    """One message, from its first sample to its end."""

    def __init__(
        self,
        writer: GroupWriter,
        commits: GroupCommit,
        disk: Disk,
        message: OpenMessage,
        readers: ThreadPoolExecutor,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._commits = commits
        self._disk = disk
        self._message = message
        self._tape = Tape(message.write)
        audio = message.note.format
        a_second = audio.sample_rate * audio.frame_bytes
        self._most_waiting = max(LEAST_WAITING, round(MOST_WAITING * a_second))

    @property
    def error(self) -> Exception | None:
        """What keeps this message from going on, if anything does."""
        return self._tape.error

    @property
    def note(self) -> Note:
        """How it began."""
        return self._message.note

    def put(self, block: AudioBlock) -> None:
        """Take a block, shape (channels, frames), int16."""
        self._writer.put(self._tape, block)

    @property
    def behind(self) -> bool:
        """Whether the disk is so far behind that it is to be waited for."""
        waiting = self._tape.pending, self._message.unsynced
        return max(waiting) > self._most_waiting

    async def catch_up(self) -> None:
        """Wait for the disk; what it then does not take, `error` says."""
        if self._tape.pending > self._most_waiting:
            await self._writer.drain(self._tape)
        if self._message.unsynced > self._most_waiting:
            with suppress(OSError):  # it goes on in a new file, or has an error
                await self._commits.commit()

    async def samples(self, start: int, stop: int) -> list[Samples]:
        """Read frames of the message back, as far as they are there: all at once, into memory.

        Nothing that writes waits for it. Raises OSError, and Refused where nothing opens.
        """
        if stop > self._message.frames:  # shielded: who gives up must not upset the count of bytes
            await asyncio.shield(self._writer.drain(self._tape))
        written = await self._writer.do(self._message.written)
        read = partial(written.read, start, stop)
        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    async def keep(self, label: Label, plain: Plain) -> None:
        """Seal a small value as it is now, so that it survives this process. Raises OSError."""
        await self._writer.do(partial(self._message.keep, label, plain))

    async def end(self, end: End, meta: Plain) -> tuple[Stored, Exception | None]:
        """Seal the message; return it, durable, and what the disk did not take of it, if anything.

        `end` says what the stream amounted to; how much of it was kept, and whether that is all,
        is found out here: what is written last may be what the disk does not take.
        """
        await self._writer.drain(self._tape)
        end, problem = await self._writer.do(partial(self._message.end, end, meta, self.error))
        for _ in range(MOST_FAILURES):
            try:
                await self._commits.commit()
                break
            except OSError as error:
                last = error
        else:
            problem = problem or last
        await self._writer.do(self._leave)
        return Stored(self._disk, self._message.files, self._message.note, end), problem

    async def outlined(self, stored: Stored) -> Stored:
        """Add the outline of what was kept, and its exact length, while the key is at hand.

        As it was where it cannot be read now.
        """
        try:
            return await asyncio.to_thread(self._message.outlined, stored)
        except OSError:
            return stored
        except Refused:
            return replace(stored, end=cut_by_reading(stored.end))

    async def seal_late(self, label: Label, plain: Plain) -> bytes:
        """Seal a small value when the message is closed, while the key is at hand."""
        return await asyncio.to_thread(self._message.seal_late, label, plain)

    def _leave(self) -> None:
        self._commits.members.pop(self._message, None)
        self._message.close()

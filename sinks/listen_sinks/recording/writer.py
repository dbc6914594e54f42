"""One thread that writes for all recordings, a round every half second, never on the event loop.

A call costs two writes per round however many packets it sends. What one file refuses, its
recording alone gets to know. sink.py fills the tapes, track.py is what is written to.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from listen_codecs.formats import AudioBlock


class Tape:
    """What one recording has still to write, and what went wrong with it."""

    __slots__ = ("blocks", "error", "pending", "write")

    def __init__(self, write: Callable[[Sequence[AudioBlock]], None]) -> None:
        self.write = write
        self.blocks: list[AudioBlock] = []
        self.pending = 0  # bytes in memory, with those that are being written
        self.error: Exception | None = None  # nothing is written after it: no holes


class GroupWriter:
    """Writes what the tapes hold: in rounds, or at once where somebody waits for it."""

    def __init__(self, interval: float) -> None:
        self._interval = interval  # seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recording-writer")
        self._filled: dict[Tape, None] = {}
        self._any_filled = asyncio.Event()

    def start(self) -> None:
        """Begin the rounds."""
        self._rounds = asyncio.create_task(self._keep_writing(), name="recording writer")

    async def stop(self) -> None:
        """End the rounds with a last one."""
        self._rounds.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._rounds
        await self._write(self._filled)
        await asyncio.to_thread(self._thread.shutdown)

    def put(self, tape: Tape, block: AudioBlock) -> None:
        """Have a block, shape (channels, frames), int16, written in the next round."""
        tape.blocks.append(block)
        tape.pending += block.nbytes
        self._filled[tape] = None
        self._any_filled.set()

    async def drain(self, tape: Tape) -> None:
        """Write what a tape holds now; return when it is in the file, or `tape.error` is set."""
        await self._write([tape])

    async def _keep_writing(self) -> None:
        while True:
            await self._any_filled.wait()
            await asyncio.sleep(self._interval)
            self._any_filled.clear()
            filled, self._filled = self._filled, {}
            await self._write(filled)

    async def _write(self, tapes: Iterable[Tape]) -> None:
        batch = [(tape, tape.blocks) for tape in tapes]
        for tape, _ in batch:
            tape.blocks = []
        # The thread takes one batch after another, so the blocks of a tape stay in order.
        written = asyncio.get_running_loop().run_in_executor(self._thread, _write_batch, batch)
        try:
            await asyncio.shield(written)
        finally:
            for tape, blocks in batch:
                tape.pending -= sum(block.nbytes for block in blocks)


def _write_batch(batch: Sequence[tuple[Tape, Sequence[AudioBlock]]]) -> None:
    for tape, blocks in batch:
        if tape.error is None and blocks:
            try:
                tape.write(blocks)
            except Exception as error:  # noqa: BLE001 - whatever it is, only this one is to suffer
                tape.error = error

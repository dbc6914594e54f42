"""One thread that writes for all streams, each every half second, never on the event loop.

A stream costs one call per round however many packets it sends; the streams are spread over the
time between, so that half of what they sent waits in memory, and not all of it. What one file
refuses, its stream alone gets to know. recording/ and voicemail/ say what is written, and where.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from listen_codecs.formats import AudioBlock

TURNS: Final = 5  # parts of a round

_T = TypeVar("_T")


class Tape:
    """What one stream has still to write, and what went wrong with it."""

    __slots__ = ("blocks", "error", "pending", "turn", "write")

    def __init__(self, write: Callable[[Sequence[AudioBlock]], None]) -> None:
        self.write = write
        self.blocks: list[AudioBlock] = []
        self.pending = 0  # bytes in memory, with those that are being written
        self.error: Exception | None = None  # nothing is written after it: no holes
        self.turn: int | None = None  # in which part of a round it is written


class GroupWriter:
    """Writes what the tapes hold: in rounds, or at once where somebody waits for it."""

    def __init__(self, interval: float, name: str = "writer") -> None:
        self._interval = interval  # seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._filled: list[dict[Tape, None]] = [{} for _ in range(TURNS)]
        self._next_turn = itertools.cycle(range(TURNS))
        self._any_filled = asyncio.Event()

    def start(self) -> None:
        """Begin the rounds."""
        self._rounds = asyncio.create_task(self._keep_writing(), name="group writer")

    async def stop(self) -> None:
        """End the rounds with a last one."""
        self._rounds.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._rounds
        await self._write(tape for filled in self._filled for tape in filled)
        await asyncio.to_thread(self._thread.shutdown)

    def put(self, tape: Tape, block: AudioBlock) -> None:
        """Have a block, shape (channels, frames), int16, written in the next round."""
        tape.blocks.append(block)
        tape.pending += block.nbytes
        if tape.turn is None:
            tape.turn = next(self._next_turn)
        self._filled[tape.turn][tape] = None
        self._any_filled.set()

    async def drain(self, tape: Tape) -> None:
        """Write what a tape holds now; return when it is in the file, or `tape.error` is set."""
        await self._write([tape])

    async def do(self, work: Callable[[], _T]) -> _T:
        """Do something else in the thread: between rounds, never during one."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _keep_writing(self) -> None:
        for turn in itertools.cycle(range(TURNS)):
            await self._any_filled.wait()
            await asyncio.sleep(self._interval / TURNS)
            filled, self._filled[turn] = self._filled[turn], {}
            if not any(self._filled):
                self._any_filled.clear()
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

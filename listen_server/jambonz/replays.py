"""Answers to signed hooks, kept while their signature holds: the same again gets the same.

webhooks.py asks. A hook that is sent twice, by a retry or by somebody who listened, is handled
once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

MAX_KEPT: Final = 16 * 1024 * 1024  # bytes of answers
_OVERHEAD: Final = 1024  # bytes that an entry costs beside its answer

Key: TypeAlias = tuple[str, str]
Answer: TypeAlias = tuple[int, bytes]


@dataclass(slots=True)
class _Entry:
    until: float
    answer: asyncio.Task[Answer]
    size: int = field(default=_OVERHEAD)


class Replays:
    """Answers by path and what was signed. `clock` gives seconds."""

    def __init__(self, keep: float, clock: Callable[[], float], most: int = MAX_KEPT) -> None:
        self._keep = keep
        self._clock = clock
        self._most = most
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._size = 0

    async def once(self, key: Key, answer: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to this hook, made now or before. One that fails is not kept."""
        self._drop_old()
        entry = self._entries.get(key)
        if entry is None:
            task = asyncio.ensure_future(_run(answer))
            entry = self._entries[key] = _Entry(self._clock() + self._keep, task)
            self._size += entry.size
            task.add_done_callback(lambda task: self._made(key, task))
        return await asyncio.shield(entry.answer)

    def _made(self, key: Key, task: asyncio.Task[Answer]) -> None:
        entry = self._entries.get(key)
        if entry is None or entry.answer is not task:
            return
        if task.cancelled() or task.exception() is not None:
            self._drop(key)
            return
        more = len(task.result()[1])
        entry.size += more
        self._size += more
        while self._size > self._most and self._entries:
            self._drop(next(iter(self._entries)))

    def _drop_old(self) -> None:
        now = self._clock()
        while self._entries and next(iter(self._entries.values())).until <= now:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        self._size -= self._entries.pop(key).size

    def __len__(self) -> int:
        return len(self._entries)


async def _run(answer: Callable[[], Awaitable[Answer]]) -> Answer:
    return await answer()

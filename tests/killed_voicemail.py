"""Voicemail that is killed, for test_killed.py: a program, run in processes of its own.

    killed_voicemail.py DIRECTORY DIARY     take calls until somebody kills it

The diary is shared memory: what was received, and when, as far as the process got to say it.
"""

import asyncio
import mmap
import random
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mailbox_contents import make_voicemail

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call
from listen_sinks.testing import make_call, make_outcome

CALLS = 10  # at once
PACE = 20.0  # times real time: more chunks, tails and ends in the same seconds
LONGEST = 60.0  # seconds of audio
TICK = 0.02  # seconds
PLACES = 2000
STATES = ("", "starting", "started", "finishing", "finished")

_ENTRY = struct.Struct("<26s6xBxxxxxxxI")  # id, state, entries in use
_POINT = struct.Struct("<dI4x")  # monotonic time, frames received until then
_POINTS = 128  # the newest: two and a half seconds
SIZE = _ENTRY.size + _POINTS * _POINT.size


@dataclass
class Page:
    """What the diary says of one call."""

    message: str
    state: str
    received: list[tuple[float, int]]

    def received_before(self, moment: float) -> int:
        """Return how many frames had been received at a moment."""
        return max((frames for at, frames in self.received if at <= moment), default=0)


class Diary:
    """Pages in a file that outlive who writes them."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as file:
            file.truncate(PLACES * SIZE)
            self._memory = mmap.mmap(file.fileno(), 0)
        self._used = 0

    def begin(self, message: str) -> "Entry":
        """Begin a page."""
        entry = Entry(self._memory, self._used * SIZE, message)
        self._used += 1
        return entry

    def pages(self) -> list[Page]:
        """Read what was written."""
        pages = []
        for place in range(PLACES):
            at = place * SIZE
            name, state, used = _ENTRY.unpack_from(self._memory, at)
            if state:
                points = [self._point(at, number) for number in range(min(used, _POINTS))]
                pages.append(Page(name.decode(), STATES[state], points))
        return pages

    def _point(self, at: int, number: int) -> tuple[float, int]:
        found: tuple[float, int] = _POINT.unpack_from(
            self._memory, at + _ENTRY.size + number * _POINT.size
        )
        return found


class Entry:
    """The page of one call."""

    def __init__(self, memory: mmap.mmap, at: int, message: str) -> None:
        self._memory = memory
        self._at = at
        self._message = message
        self._used = 0
        self.says("starting")

    def says(self, state: str) -> None:
        """Write down how far the call is."""
        values = self._message.encode(), STATES.index(state), self._used
        _ENTRY.pack_into(self._memory, self._at, *values)

    def received(self, frames: int) -> None:
        """Write down how many frames were received until now."""
        place = self._at + _ENTRY.size + self._used % _POINTS * _POINT.size
        _POINT.pack_into(self._memory, place, time.monotonic(), frames)
        self._used += 1
        self.says("started")


def audio_of(message: str) -> AudioBlock:
    """Make the audio of a call, which its id alone decides."""
    frames = round(LONGEST * 8000)
    seed = int.from_bytes(message.encode(), "big")
    return np.random.default_rng(seed).integers(-32768, 32768, (1, frames), np.int16)


async def take_calls(plugin: Any, diary: Diary) -> None:
    """Take one call after another, and end it after any time."""
    while True:
        await take_call(plugin, make_call(), diary)


async def take_call(plugin: Any, call: Call, diary: Diary) -> None:
    """Take one call."""
    audio = audio_of(call.stream_id)
    page = diary.begin(call.stream_id)
    sink = plugin.sink(call)
    await sink.start(call)
    page.says("started")
    began, sent = time.monotonic(), 0
    wanted = random.uniform(0.0, LONGEST)  # noqa: S311 - to meet every moment
    while sent < wanted * 8000:
        frames = min(round((time.monotonic() - began) * PACE * 8000), round(wanted * 8000))
        if frames > sent:
            await sink.audio(audio[:, sent:frames])
            sent = frames
            page.received(sent)
        await asyncio.sleep(TICK)
    page.says("finishing")
    await sink.finish(make_outcome(call, sent))
    page.says("finished")


async def main(directory: Path, diary: Diary) -> None:
    """Open, say so, and take calls for ever."""
    plugin = make_voicemail(directory, write_interval=0.5, sync_interval=1.0)
    sys.stderr.write("opening\n")
    await plugin.open()
    sys.stderr.write("open\n")
    async with asyncio.TaskGroup() as calls:
        for _ in range(CALLS):
            calls.create_task(take_calls(plugin, diary))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Diary(Path(sys.argv[2]))))

"""One second in the middle of an hour-long message: how much of the object is read for it."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
from benchmarks.load import BenchError
from stored_messages import ACTOR, TENANT, Kept, kept, speech

from listen_codecs.formats import AudioFormat
from listen_codecs.pcm import interleave
from listen_codecs.wav import HEADER_BYTES

FORM: Final = AudioFormat(8000, "stereo")
HOUR: Final = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class RangeRead:
    """What it took."""

    seconds: float  # of the message
    size: int  # bytes, of the object
    wanted: int  # bytes, of the range
    read: int  # bytes of the object, for opening and range
    took: float  # ms


def read_a_range(seconds: float = HOUR) -> RangeRead:
    """Leave a message in a store, open it and read a second of it. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="listen-bench-") as name:
        return asyncio.run(_in_store(Path(name), seconds))


async def _in_store(folder: Path, seconds: float) -> RangeRead:
    async with kept(folder) as box:
        audio = speech(seconds, FORM)
        message = await box.leave(audio, FORM, peaks=False)
        size = (await asyncio.to_thread(box.path(message).stat)).st_size
        start = audio.shape[1] // 2
        before = perf_counter()
        found = await _second(box, message, start)
        took = perf_counter() - before
        if found != interleave(np.ascontiguousarray(audio[:, start : start + FORM.sample_rate])):
            raise BenchError("the range that was read is not what was left")
        return RangeRead(seconds, size, len(found), box.objects.bytes_read, 1000 * took)


async def _second(box: Kept, message: str, start: int) -> bytes:
    """Read a second of a message as a player would: a range of its WAV file."""
    box.objects.bytes_read = 0
    playback = await box.store.open(TENANT, message, actor=ACTOR)
    first = HEADER_BYTES + start * FORM.frame_bytes
    return await playback.wav(first, first + FORM.sample_rate * FORM.frame_bytes)

"""What a message has so far can be read back while its call is on, and nobody waits for that."""

import asyncio
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from failing_disk import FailingDisk
from spooled import MONO, STEREO, begin, ended, noise, spooling

from listen_codecs.formats import AudioFormat
from listen_codecs.pcm import deinterleave
from listen_sinks.voicemail.lsv1 import CHUNK, SEALED_CHUNK
from listen_sinks.voicemail.spool import SpooledStream, SpoolLimits
from listen_sinks.voicemail.spool.written import Samples, Written

SLOW = SpoolLimits(write_interval=60, sync_interval=60, reserve=2**16, low_water=0)


def frames_of(found: list[Samples], form: AudioFormat) -> dict[int, list[int]]:
    """Return every frame that was read, by its number."""
    read: dict[int, list[int]] = {}
    for one in found:
        for number, frame in enumerate(deinterleave(one.pcm, form.channels).T.tolist()):
            assert one.start + number not in read
            read[one.start + number] = frame
    return read


def largest(folder: Path) -> Path:
    """Return the file with the object."""
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


async def check(stream: SpooledStream, audio: np.ndarray, start: int, stop: int) -> None:
    read = frames_of(await stream.samples(start, stop), stream.note.format)
    wanted = range(max(start, 0), min(stop, audio.shape[1]))
    assert list(read) == list(wanted)
    assert list(read.values()) == audio[:, wanted.start : wanted.stop].T.tolist()


@pytest.mark.parametrize("form", [MONO, STEREO])
async def test_any_range_of_an_open_message_is_read_back_on_disk_or_not(
    tmp_path: Path, form: AudioFormat
) -> None:
    audio = noise(4.0, form)
    a_chunk = CHUNK // form.frame_bytes
    async with spooling(tmp_path, limits=SLOW) as (spool, _):
        stream = await spool.begin(partial(begin, form))
        await check(stream, audio[:, :0], 0, 100)
        stream.put(audio[:, :30000])
        await check(stream, audio, 29000, 30000)
        stream.put(audio[:, 30000:])
        for start in (0, 1, a_chunk - 1, a_chunk, a_chunk + 1, 31999):
            for stop in (start, start + 1, a_chunk, 2 * a_chunk, 32000):
                if stop >= start:
                    await check(stream, audio, start, stop)
        await check(stream, audio, 31000, 40000)
        await check(stream, audio, 40000, 50000)
        await stream.end(ended(), bytes)
        await check(stream, audio, 0, 32000)


async def test_what_does_not_open_is_left_out_and_the_rest_is_in_its_place(tmp_path: Path) -> None:
    audio = noise(8.0)
    async with spooling(tmp_path) as (spool, _):
        stream = await spool.begin(begin)
        stream.put(audio)
        whole = frames_of(await stream.samples(0, 64000), MONO)
        path = await asyncio.to_thread(largest, tmp_path)
        data = bytearray(await asyncio.to_thread(path.read_bytes))
        data[-2 * SEALED_CHUNK - 100] ^= 1
        await asyncio.to_thread(path.write_bytes, data)
        read = frames_of(await stream.samples(100, 64000), MONO)
        await stream.end(ended(), bytes)

    lost = sorted(set(range(100, 64000)) - set(read))
    assert len(lost) == CHUNK // 2
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert all(whole[number] == frame for number, frame in read.items())


async def test_what_went_on_in_another_file_is_read_from_both(tmp_path: Path) -> None:
    audio = noise(6.0)
    disk = FailingDisk(["write"], 5)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        for block in np.split(audio, 12, axis=1):
            stream.put(block)
            await check(stream, audio, 0, 4000)
        await check(stream, audio, 0, 48000)
        assert disk.hit
        await stream.end(ended(), bytes)


async def test_a_disk_that_took_no_more_gives_what_it_took(tmp_path: Path) -> None:
    audio = noise(6.0)
    disk = FailingDisk(["write", "create"], 6, for_ever=True)
    async with spooling(tmp_path, disk=disk) as (spool, _):
        stream = await spool.begin(begin)
        for block in np.split(audio, 12, axis=1):
            stream.put(block)
            await stream.samples(0, 48000)
        read = frames_of(await stream.samples(0, 48000), MONO)
        assert stream.error is not None
        await stream.end(ended("failed"), bytes)

    assert 0 < len(read) < 48000
    assert all(audio[:, number].tolist() == frame for number, frame in read.items())


async def test_a_disk_that_is_slow_to_read_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(Written, "read", lambda *_: goes_on.wait(10) and [])
    audio = noise(2.0)
    async with spooling(tmp_path) as (spool, _):
        stream = await spool.begin(begin)
        stream.put(audio)
        reading = asyncio.create_task(stream.samples(0, 16000))
        async with asyncio.timeout(5):
            stored, problem = await stream.end(ended(), bytes)
        assert not reading.done()
        goes_on.set()
        assert await reading == []

    assert problem is None
    assert replace(stored.end, values={}).frames == 16000

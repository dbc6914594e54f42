"""What is on a disk when the power fails: all that was synced, and of the rest any pages."""

import asyncio
import os
import random
import shutil
import threading
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
from spooled import begin, noise, opened, spooling

from listen_sinks.voicemail.spool import Disk, SpoolLimits

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "10"))  # `make test-faults` has more
PAGE = 4096
CALLS = 4
PACE = 20  # times real time: the promise is about seconds of the clock


class PhotographedDisk(Disk):
    """Takes a picture of a folder with every sync: what was there before it lasts."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        super().__init__()
        self._folder = folder
        self._pictures = pictures
        self._number = 0
        self._lock = threading.Lock()
        self.newest: tuple[Path, float] | None = None

    def sync(self, folder: int, files: Iterable[int]) -> None:
        began = time.monotonic()
        self._number += 1
        picture = self._pictures / str(self._number)
        shutil.copytree(self._folder, picture, ignore=shutil.ignore_patterns("reserve", "*.new"))
        super().sync(folder, files)
        with self._lock:
            self.newest = picture, began

    def power_fails(self, after: Path, seed: int) -> float:
        """Put together what is left; return the time until which everything lasts."""
        with self._lock:
            assert self.newest is not None
            before, until = self.newest
            shutil.copytree(self._folder, after, ignore=shutil.ignore_patterns("reserve", "*.new"))
        chance = random.Random(seed)  # noqa: S311 - so that a failure comes again
        for path in [path for path in after.rglob("*") if path.is_file()]:
            self._lose_pages(path, before / path.relative_to(after), chance)
        return until

    def _lose_pages(self, path: Path, synced: Path, chance: random.Random) -> None:
        old = synced.read_bytes() if synced.exists() else None
        if path.name == "lock":
            return
        if old is None and chance.random() < 0.5:
            path.unlink()  # its name was not synced
            return
        new = bytearray(path.read_bytes())
        for at in range(0, len(new), PAGE):
            if chance.random() < 0.3:
                page = (old or b"")[at : at + PAGE]
                new[at : at + PAGE] = page.ljust(len(new[at : at + PAGE]), b"\0")
        path.write_bytes(bytes(new[: max(len(old or b""), chance.randrange(len(new) + 1))]))


@pytest.mark.parametrize("seed", range(max(2, ROUNDS // 5)))
async def test_power_loss_costs_at_most_two_seconds(tmp_path: Path, seed: int) -> None:
    spool_folder, after = tmp_path / "spool", tmp_path / "after"
    disk = PhotographedDisk(spool_folder, tmp_path / "pictures")
    audios = [noise(120.0, seed=number) for number in range(CALLS)]
    put: list[list[tuple[float, int]]] = [[] for _ in audios]
    limits = SpoolLimits(reserve=2**16, low_water=0)

    async with spooling(spool_folder, disk=disk, limits=limits) as (spool, _):
        streams = [await spool.begin(partial(begin, caller=str(n))) for n in range(CALLS)]
        start = time.monotonic()
        while time.monotonic() - start < 2.5 + 0.25 * (seed % 5):
            frames = round((time.monotonic() - start) * 8000 * PACE)
            for stream, audio, log in zip(streams, audios, put, strict=True):
                before = log[-1][1] if log else 0
                stream.put(audio[:, before:frames])
                log.append((time.monotonic(), frames))
            await asyncio.sleep(0.01)
        failed_at = time.monotonic()
        lasts = await asyncio.to_thread(disk.power_fails, after, seed)

    assert failed_at - lasts < 2.0
    async with spooling(after) as (_, found):
        assert {message.note.caller for message in found} == {str(n) for n in range(CALLS)}
        for message in found:
            number = int(message.note.caller or "")
            read = await asyncio.to_thread(opened, message)
            safe = max(frames for at, frames in put[number] if at < failed_at - 2.0)
            assert read.audio.shape[1] >= safe
            same = (read.audio == audios[number][:, : read.audio.shape[1]])[0]
            assert same[:safe].all()
            for chunk in read.damaged:  # told, and therefore no other bytes
                same[chunk * 8192 : (chunk + 1) * 8192] = True
            assert same.all()

"""Recorders killed on the way to a bucket: at every step, and at any moment, two at once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, bucket
from recordings import Recorded, every_file, read_recording, recorder

from listen_sinks.testing import make_call, tone

ROUNDS = max(3, int(os.environ.get("FAULT_ROUNDS", "10")) // 3)  # `make test-faults` has more
TESTS = Path(__file__).parents[2]
KILLED = Path(__file__).with_name("killed.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"}
STEREO = tone(make_call(8000, "stereo"))
MONO = tone(make_call(), 3.0)


def sweep(tmp_path: Path, config: dict[str, object]) -> int:
    """Run recorders that are killed at one step after another; return how many there are."""
    command = [sys.executable, str(KILLED), "sweep", str(tmp_path), json.dumps(config), "1"]
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT, timeout=100
    )
    return int(ran.stdout.splitlines()[-1])


def known(data_dir: Path) -> set[str]:
    """Name the streams of which there is a sidecar."""
    return {path.stem for path in data_dir.rglob("*.json")}


async def found_in(there: Bucket, folder: Path) -> dict[str, Recorded]:
    """Read every recording in a bucket, and see that nothing else is there."""
    await there.download(folder)

    def read() -> dict[str, Recorded]:
        stems = [path.stem for path in folder.rglob("*.json")]
        found = [read_recording(folder, stem) for stem in stems]
        assert len(every_file(folder)) == len(stems) + sum(len(one.names) for one in found)
        by_stream = {one.document["stream_id"]: one for one in found}
        assert len(by_stream) == len(found)
        return by_stream

    return await asyncio.to_thread(read)


async def test_killed_at_any_step_on_the_way_to_the_bucket_a_recording_arrives_once(
    tmp_path: Path,
) -> None:
    async with bucket() as there:
        steps = await asyncio.to_thread(sweep, tmp_path, there.config)
        left: set[str] = set()
        for step in range(1, steps + 1):
            data_dir = tmp_path / str(step)
            left |= await asyncio.to_thread(known, data_dir)
            async with recorder(data_dir, **there.config):
                pass
            assert await asyncio.to_thread(every_file, data_dir) == []
        found = await found_in(there, tmp_path / "found")

    assert steps > 25
    assert left <= set(found)
    assert sum(one.document["state"] == "complete" for one in found.values()) > 2
    for one in found.values():
        frames = one.document["frames"]
        assert np.array_equal(one.audio, STEREO[:, :frames])
        assert one.document["state"] == ("complete" if one.document["received"] else "interrupted")
        assert not one.document["received"] or frames == 8000


def start(data_dir: Path, config: dict[str, object]) -> subprocess.Popen[str]:
    command = [sys.executable, str(KILLED), "ship", str(data_dir), json.dumps(config)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def killed(process: subprocess.Popen[str]) -> dict[str, int]:
    """Kill a recorder; return the frames of each call that it had finished."""
    process.send_signal(signal.SIGKILL)
    told, _ = process.communicate()
    lines = [line.split() for line in told.splitlines(keepends=True) if line.endswith("\n")]
    return {stream_id: int(frames) for stream_id, frames in (one for one in lines if len(one) == 2)}


@pytest.mark.timeout(60 + 10 * ROUNDS)
async def test_killed_at_any_moment_two_recorders_lose_nothing_that_they_had_finished(
    tmp_path: Path,
) -> None:
    finished: dict[str, int] = {}
    chance = random.Random(4)  # noqa: S311 - so that a failure comes again
    async with bucket() as there:
        for number in range(ROUNDS):
            there.link.state = ("open", "stuck", "cut")[number % 3]
            servers = [await asyncio.to_thread(start, tmp_path, there.config) for _ in "ab"]
            for server in servers:
                assert server.stdout is not None
                assert await asyncio.to_thread(server.stdout.readline) == "opening\n"
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            there.link.state = "open"
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            for server in servers:
                finished |= await asyncio.to_thread(killed, server)
        async with recorder(tmp_path, close_timeout=60.0, **there.config):
            pass
        assert await asyncio.to_thread(every_file, tmp_path) == []
        found = await found_in(there, tmp_path / "found")

    assert finished
    assert set(finished) <= set(found)
    for stream_id, one in found.items():
        frames = one.document["frames"]
        assert np.array_equal(one.audio, MONO[:, :frames])
        if stream_id in finished:
            assert frames == finished[stream_id]
            assert one.document["state"] == "complete"

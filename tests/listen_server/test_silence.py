"""Silence that ends the verb can mean that nobody speaks, however noisy the line."""

import asyncio
import json
from pathlib import Path

import numpy as np
from harness import serving, settings

METADATA = json.dumps({"sampleRate": 8000, "mixType": "mono"})


def noise(seconds: float) -> bytes:
    samples = np.random.default_rng(1).normal(0, 300, round(seconds * 8000))
    return samples.astype("<i2").tobytes()


async def test_a_noisy_line_on_which_nobody_speaks_ends_the_verb_where_that_is_chosen(
    tmp_path: Path,
) -> None:
    route = {"sinks": ["memory"], "end_on_silence": 1.0, "silence": "voice"}
    async with serving(settings(tmp_path, routes={"/listen": route})) as server:
        async with server.connect() as socket:
            await socket.send(METADATA)
            await socket.send(noise(3))
            async with asyncio.timeout(5):
                assert json.loads(await socket.recv()) == {"type": "disconnect"}
        recording = await server.recording()

    assert recording.outcome is not None
    assert recording.outcome.reason == "nothing but silence"


async def test_the_same_line_is_not_silent_by_its_level(tmp_path: Path) -> None:
    route = {"sinks": ["memory"], "end_on_silence": 1.0}
    async with serving(settings(tmp_path, routes={"/listen": route})) as server:
        async with server.connect() as socket:
            await socket.send(METADATA)
            await socket.send(noise(3))
        recording = await server.recording()

    assert recording.outcome is not None
    assert "silence" not in recording.outcome.reason

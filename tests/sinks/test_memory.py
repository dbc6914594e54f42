from pathlib import Path
from typing import Any

import numpy as np
import pytest

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, DtmfPressed, SinkContext, SinkPlugin
from listen_sinks.conformance import SinkContract, running
from listen_sinks.memory import Memory
from listen_sinks.testing import make_call, make_outcome, packets, tone


def make_memory(tmp_path: Path, **config: Any) -> Memory:
    return Memory(Memory.Config.model_validate(config), SinkContext("memory", tmp_path))


async def keep(plugin: Memory, call: Call, audio: AudioBlock) -> None:
    sink = plugin.sink(call)
    await sink.start(call)
    for block in packets(audio, 160):
        await sink.audio(block)
    await sink.finish(make_outcome(call, audio.shape[1]))


class TestMemory(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> Memory:
        return make_memory(tmp_path)

    def kept(self, plugin: SinkPlugin, stream_id: str) -> AudioBlock:
        assert isinstance(plugin, Memory)
        return plugin.recordings[stream_id].audio


async def test_a_stream_can_be_looked_at_while_it_goes_on(tmp_path: Path) -> None:
    plugin = make_memory(tmp_path)
    call = make_call()
    audio = tone(call, 0.1)

    async with running(plugin):
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(audio)
        await sink.event(DtmfPressed("5", None), 0.1)

        recording = plugin.recordings[call.stream_id]
        assert np.array_equal(recording.audio, audio)
        assert recording.events == [(DtmfPressed("5", None), 0.1)]
        assert recording.outcome is None


async def test_a_long_stream_is_kept_up_to_the_cap_and_says_so(tmp_path: Path) -> None:
    plugin = make_memory(tmp_path, seconds=0.25)
    call = make_call()
    audio = tone(call, 1.0)

    await keep(plugin, call, audio)

    recording = plugin.recordings[call.stream_id]
    assert np.array_equal(recording.audio, audio[:, :2000])
    assert recording.capped
    assert recording.outcome is not None
    assert recording.outcome.frames == 8000


async def test_a_stream_that_just_fits_is_not_called_capped(tmp_path: Path) -> None:
    plugin = make_memory(tmp_path, seconds=0.5)
    call = make_call()

    await keep(plugin, call, tone(call, 0.5))

    assert not plugin.recordings[call.stream_id].capped


async def test_events_are_capped_too(tmp_path: Path) -> None:
    plugin = make_memory(tmp_path, events=2)
    call = make_call()
    sink = plugin.sink(call)
    await sink.start(call)

    for digit in "123":
        await sink.event(DtmfPressed(digit, None), 0.0)

    recording = plugin.recordings[call.stream_id]
    assert [event for event, _ in recording.events] == [
        DtmfPressed("1", None),
        DtmfPressed("2", None),
    ]
    assert recording.capped


async def test_the_oldest_stream_makes_room_for_a_new_one(tmp_path: Path) -> None:
    plugin = make_memory(tmp_path, streams=2)
    calls = [make_call() for _ in range(3)]

    for call in calls:
        await keep(plugin, call, tone(call, 0.1))

    assert list(plugin.recordings) == [call.stream_id for call in calls[1:]]
    assert plugin.forgotten == 1

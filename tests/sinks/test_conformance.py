"""The suite that sinks inherit: does it notice a sink that breaks the contract?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from blockbuster import BlockingError
from pydantic import BaseModel

from listen_codecs.formats import AudioBlock
from listen_sinks.api import (
    Call,
    DtmfPressed,
    NoConfig,
    Outcome,
    Sink,
    SinkContext,
    SinkPlugin,
    StreamEvent,
)
from listen_sinks.conformance import SinkContract
from listen_sinks.testing import make_call, packets, tone

Test: TypeAlias = Callable[[SinkContract, SinkPlugin], Awaitable[None]]


def make(sink: type[Sink]) -> SinkPlugin:
    """Make a plugin of a sink that takes no arguments."""

    class Plugin(SinkPlugin):
        def sink(self, call: Call) -> Sink:
            del call
            return sink()

    return Plugin(NoConfig(), SinkContext("bad", Path("nowhere")))


class Writes(Sink):
    async def audio(self, block: AudioBlock) -> None:
        block *= 2


class WritesAfterAll(Sink):
    async def audio(self, block: AudioBlock) -> None:
        owner = block if block.base is None else block.base
        owner.flags.writeable = True


class Blocks(Sink):
    async def audio(self, block: AudioBlock) -> None:
        del block
        time.sleep(0.001)  # noqa: ASYNC251 - the mistake that is to be noticed


class LeavesATask(Sink):
    tasks: list[asyncio.Task[None]] = []  # noqa: RUF012 - one list is enough here

    async def start(self, call: Call) -> None:
        del call
        self.tasks.append(asyncio.create_task(asyncio.sleep(3600)))


class KnowsDtmfAlone(Sink):
    async def event(self, event: StreamEvent, at: float) -> None:
        del at
        assert isinstance(event, DtmfPressed)


class NeedsAudio(Sink):
    def __init__(self) -> None:
        self.blocks: list[AudioBlock] = []

    async def audio(self, block: AudioBlock) -> None:
        self.blocks.append(block)

    async def finish(self, outcome: Outcome) -> None:
        del outcome
        np.concatenate(self.blocks, axis=1)


class NeedsTwentyMilliseconds(Sink):
    async def start(self, call: Call) -> None:
        self._frames = call.format.sample_rate // 50

    async def audio(self, block: AudioBlock) -> None:
        assert block.shape[1] == self._frames


class NeedsACallSid(Sink):
    async def start(self, call: Call) -> None:
        assert call.attributes["callSid"]


MISTAKES: list[tuple[type[Sink], Test, type[Exception]]] = [
    (Writes, SinkContract.test_it_never_writes_into_a_block, ValueError),
    (WritesAfterAll, SinkContract.test_it_never_writes_into_a_block, AssertionError),
    (Blocks, SinkContract.test_it_never_blocks_the_event_loop, BlockingError),
    (LeavesATask, SinkContract.test_it_leaves_no_task_behind, AssertionError),
    (KnowsDtmfAlone, SinkContract.test_it_takes_every_kind_of_event_at_any_time, AssertionError),
    (NeedsAudio, SinkContract.test_it_takes_a_stream_without_audio, ValueError),
    (NeedsTwentyMilliseconds, SinkContract.test_it_takes_blocks_of_any_length, AssertionError),
    (NeedsACallSid, SinkContract.test_it_takes_a_call_of_which_nothing_is_known, KeyError),
]


@pytest.mark.parametrize(("sink", "test", "error"), MISTAKES, ids=lambda value: value.__name__)
async def test_a_mistake_of_a_sink_is_noticed(
    sink: type[Sink], test: Test, error: type[Exception]
) -> None:
    try:
        with pytest.raises(error):
            await test(SinkContract(), make(sink))
    finally:
        for task in LeavesATask.tasks:
            task.cancel()
        LeavesATask.tasks.clear()


class Confused(SinkPlugin):
    """Keeps everything under the name of the phone call: two streams become one."""

    def __init__(self) -> None:
        super().__init__(NoConfig(), SinkContext("confused", Path("nowhere")))
        self.by_call: dict[str | None, list[AudioBlock]] = {}

    def sink(self, call: Call) -> Sink:
        return ConfusedSink(self.by_call.setdefault(call.call_sid, []))


class ConfusedSink(Sink):
    def __init__(self, blocks: list[AudioBlock]) -> None:
        self._blocks = blocks

    async def audio(self, block: AudioBlock) -> None:
        self._blocks.append(block[:1])


class ContractOfConfused(SinkContract):
    def kept(self, plugin: SinkPlugin, stream_id: str) -> AudioBlock:
        del stream_id
        assert isinstance(plugin, Confused)
        (blocks,) = plugin.by_call.values()
        return np.concatenate(blocks, axis=1)


async def test_streams_that_are_mixed_up_are_noticed() -> None:
    with pytest.raises(AssertionError, match="kept"):
        await ContractOfConfused().test_it_keeps_two_streams_of_one_call_apart(Confused())


class AnyKey(BaseModel):
    """A configuration that takes whatever it is given."""


class Careless(SinkPlugin):
    Config = AnyKey


def test_a_configuration_that_takes_any_key_is_noticed() -> None:
    plugin = Careless(AnyKey(), SinkContext("careless", Path("nowhere")))

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        SinkContract().test_a_misspelt_key_in_its_table_is_reported(plugin)


def test_a_tone_has_another_pitch_in_each_channel_and_is_read_only() -> None:
    audio = tone(make_call(8000, "stereo"), 0.5)

    assert audio.shape == (2, 4000)
    assert audio.dtype == np.int16
    assert not audio.flags.writeable
    assert not np.array_equal(audio[0], audio[1])


def test_packets_are_all_of_the_audio_and_none_is_empty() -> None:
    audio = tone(make_call(), 0.05)

    cut = packets(audio, 160)

    assert [block.shape[1] for block in cut] == [160, 160, 80]
    assert np.array_equal(np.concatenate(cut, axis=1), audio)

"""The test suite that any sink inherits: the contract of api.py, in sentences that can fail.

    class TestLoudness(SinkContract):
        @pytest.fixture
        def plugin(self, tmp_path):
            return Loudness(Loudness.Config(), SinkContext("loudness", tmp_path))

Needs pytest, and anyio, whose pytest plugin runs the async tests; blockbuster too, if a sink that
blocks the event loop shall be noticed. testing.py has the calls and the audio.
"""
# ruff: noqa: S101, D102 - asserting is what a suite does, and the names of its tests are sentences

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioBlock, Mix
from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MarkReached,
    MetadataArrived,
    PlaybackDone,
    SinkPlugin,
    StreamEvent,
    SummaryReceived,
    WhenFull,
)
from listen_sinks.testing import make_call, make_outcome, packets, tone

EVENTS: Final[tuple[StreamEvent, ...]] = (
    DtmfPressed("5", 0.2),
    DtmfPressed("#", None),
    PlaybackDone("p1", 2.14),
    PlaybackDone(None, None),
    MarkReached("m1", cleared=False),
    MarkReached('"quoted"', cleared=True),
    SummaryReceived({"reason": "hangup"}),
    MetadataArrived({"callSid": "late", "topic": "voicemail"}, "lenient"),
    Gap(0.0, 1.02, "not received"),
    Gap(0.0, 0.5, "sink too slow"),
)

ODD_METADATA: Final[Mapping[str, Any]] = {
    "callSid": "../../../../etc/passwd",
    "customerData": {"ticket": [1, None, {"deep": True}]},
    "sampleRate": "64000 or so",
    "name": "O'Brien \u202e\x00\n",
    "half a character": "\ud83d",
    "not a number": float("nan"),
    "": "",
}


@pytest.mark.anyio
class SinkContract:
    """What the server relies on, and what an author would want to know before it does."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run under asyncio, as the server does."""
        return "asyncio"

    @pytest.fixture
    def plugin(self) -> SinkPlugin:
        """Make the plugin to test. Every test gets one of its own."""
        raise NotImplementedError("override the fixture `plugin`")

    def kept(self, plugin: SinkPlugin, stream_id: str) -> AudioBlock | None:
        """Return what was kept of a finished stream, shape (channels, frames), int16.

        None if nobody can tell. Override it where somebody can: the suite then checks that it is
        every sample, and of the right stream.
        """
        del plugin, stream_id
        return None

    @pytest.mark.parametrize("mix", MIXES)
    @pytest.mark.parametrize("sample_rate", SAMPLE_RATES)
    async def test_it_takes_a_stream_in_every_format(
        self, plugin: SinkPlugin, sample_rate: int, mix: Mix
    ) -> None:
        call = make_call(sample_rate, mix)
        async with running(plugin):
            await self._stream(plugin, call, tone(call, 0.5))

    async def test_it_takes_a_stream_without_audio(self, plugin: SinkPlugin) -> None:
        async with running(plugin):
            call = make_call()
            await self._stream(plugin, call, tone(call, 0.0))

    async def test_it_takes_blocks_of_any_length(self, plugin: SinkPlugin) -> None:
        call = make_call(48000, "stereo")
        audio = tone(call, 2.0)
        async with running(plugin):
            sink = plugin.sink(call)
            await sink.start(call)
            for start, end in [(0, 1), (1, 2), (2, 7), (7, 960), (960, 48000), (48000, 96000)]:
                await sink.audio(audio[:, start:end])
            await sink.finish(make_outcome(call, audio.shape[1]))
            await self._check(plugin, call, audio)

    async def test_it_takes_every_kind_of_event_at_any_time(self, plugin: SinkPlugin) -> None:
        call = make_call()
        audio = tone(call, 0.3)
        async with running(plugin):
            sink = plugin.sink(call)
            await sink.start(call)
            at = 0.0
            for block in packets(audio, 800):
                for event in EVENTS:
                    await sink.event(event, at)
                await sink.audio(block)
                at += 0.1
            for event in EVENTS:
                await sink.event(event, at)
            await sink.finish(
                make_outcome(call, audio.shape[1], gaps=(Gap(0.1, 1, "not received"),))
            )
            await self._check(plugin, call, audio)

    @pytest.mark.parametrize("state", ["interrupted", "failed"])
    @pytest.mark.parametrize("seconds", [0.0, 0.3])
    async def test_it_can_be_finished_in_any_state(
        self, plugin: SinkPlugin, state: Literal["interrupted", "failed"], seconds: float
    ) -> None:
        call = make_call()
        async with running(plugin):
            await self._stream(plugin, call, tone(call, seconds), state=state)

    async def test_it_keeps_two_streams_of_one_call_apart(self, plugin: SinkPlugin) -> None:
        calls = [make_call(8000, "mono"), make_call(16000, "stereo")]
        audios = [tone(calls[0], 0.5, hertz=300), tone(calls[1], 0.5, hertz=700)]
        assert calls[0].call_sid == calls[1].call_sid
        async with running(plugin):
            sinks = [plugin.sink(call) for call in calls]
            for sink, call in zip(sinks, calls, strict=True):
                await sink.start(call)
            for one, other in zip(packets(audios[0], 160), packets(audios[1], 320), strict=True):
                await sinks[0].audio(one)
                await sinks[1].audio(other)
            for sink, call, audio in zip(sinks, calls, audios, strict=True):
                await sink.finish(make_outcome(call, audio.shape[1]))
            for call, audio in zip(calls, audios, strict=True):
                await self._check(plugin, call, audio)

    async def test_it_takes_many_streams_at_once(self, plugin: SinkPlugin) -> None:
        calls = [make_call(call_sid=f"call {number}") for number in range(30)]
        async with running(plugin), asyncio.TaskGroup() as tasks:
            for number, call in enumerate(calls):
                audio = tone(call, 0.3, hertz=200 + 50 * number)
                tasks.create_task(self._stream(plugin, call, audio))

    async def test_it_never_writes_into_a_block(self, plugin: SinkPlugin) -> None:
        call = make_call(8000, "stereo")
        audio = tone(call, 0.5)
        before = audio.copy()
        async with running(plugin):
            await self._stream(plugin, call, audio)
        assert np.array_equal(audio, before), "other sinks get the same block: copy it first"
        assert not audio.flags.writeable, "other sinks get the same block: leave it read-only"

    async def test_it_takes_a_call_of_which_nothing_is_known(self, plugin: SinkPlugin) -> None:
        call = make_call(call_sid=None, attributes={})
        async with running(plugin):
            await self._stream(plugin, call, tone(call, 0.2))

    async def test_it_takes_metadata_of_any_content(self, plugin: SinkPlugin) -> None:
        call = make_call(call_sid=ODD_METADATA["callSid"], attributes=ODD_METADATA)
        async with running(plugin):
            await self._stream(plugin, call, tone(call, 0.2))

    async def test_it_opens_and_closes_without_a_stream(self, plugin: SinkPlugin) -> None:
        async with running(plugin):
            pass

    async def test_it_leaves_no_task_behind(self, plugin: SinkPlugin) -> None:
        call = make_call()
        before = asyncio.all_tasks()
        async with running(plugin):
            await self._stream(plugin, call, tone(call, 0.2))
        left = [task.get_name() for task in asyncio.all_tasks() - before]
        assert not left, f"tasks that outlive `close`: {left}"

    async def test_it_never_blocks_the_event_loop(self, plugin: SinkPlugin) -> None:
        blockbuster = pytest.importorskip("blockbuster", reason="blockbuster is not installed")
        call = make_call()
        with blockbuster.blockbuster_ctx():
            async with running(plugin):
                await self._stream(plugin, call, tone(call, 1.0))

    def test_a_misspelt_key_in_its_table_is_reported(self, plugin: SinkPlugin) -> None:
        with pytest.raises(ValidationError):
            plugin.Config.model_validate({"no such key": 1})

    def test_the_server_can_follow_its_queue_policy(self, plugin: SinkPlugin) -> None:
        assert plugin.when_full in get_args(WhenFull)
        assert min(plugin.queue_seconds, plugin.timeout, plugin.finish_timeout) > 0

    async def _stream(
        self,
        plugin: SinkPlugin,
        call: Call,
        audio: AudioBlock,
        *,
        state: Literal["complete", "interrupted", "failed"] = "complete",
    ) -> None:
        """Give a stream to the plugin in packets of 20 ms, and look at what it kept."""
        sink = plugin.sink(call)
        await sink.start(call)
        for block in packets(audio, call.format.sample_rate // 50):
            await sink.audio(block)
        await sink.finish(make_outcome(call, audio.shape[1], state=state))
        await self._check(plugin, call, audio)

    async def _check(self, plugin: SinkPlugin, call: Call, audio: AudioBlock) -> None:
        kept = await asyncio.to_thread(self.kept, plugin, call.stream_id)
        if kept is not None:
            assert kept.shape == audio.shape, f"kept {kept.shape} of {audio.shape}"
            assert np.array_equal(kept, audio), "what was kept is not what was sent"


@asynccontextmanager
async def running(plugin: SinkPlugin) -> AsyncIterator[None]:
    """Open a plugin and close it, as the server does around its life."""
    await plugin.open()
    try:
        yield
    finally:
        await plugin.close()


__all__: Sequence[str] = ["SinkContract", "running"]

"""The test suite that any engine inherits: the contract of api.py, in sentences that can fail.

    class TestEcho(EngineContract):
        @pytest.fixture
        def plugin(self, tmp_path):
            return Echo(Echo.Config(), SinkContext("transcript", tmp_path))

Needs pytest, and anyio, whose pytest plugin runs the async tests; blockbuster too, if an engine
that blocks the event loop shall be noticed.
"""
# ruff: noqa: S101, D102 - asserting is what a suite does, and the names of its tests are sentences

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import numpy as np
import pytest
from pydantic import ValidationError

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioBlock, AudioFormat, Mix
from listen_sinks.transcript.api import Engine, EngineAway, Result, TranscriberPlugin

LATEST: Final = 2.5  # seconds at which a result of two seconds of audio may end
HAIR: Final = 0.01  # seconds by which times may be rounded


@pytest.mark.anyio
class EngineContract:
    """What the sink relies on, whatever an engine understands."""

    language = "en-US"  # one that the engine takes
    patience = 60.0  # seconds for everything that one test asks of it

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run under asyncio, as the server does."""
        return "asyncio"

    @pytest.fixture
    def plugin(self) -> TranscriberPlugin:
        """Make the plugin to test. Every test gets one of its own."""
        raise NotImplementedError("override the fixture `plugin`")

    async def break_off(self, plugin: TranscriberPlugin) -> None:
        """Make engines of this plugin break off. Override it where that can be done."""
        del plugin
        pytest.skip("this suite does not know how to make this engine break off")

    def audio(self, form: AudioFormat, seconds: float) -> AudioBlock:
        """Make audio, (channels, frames), int16. Override it with some that is understood."""
        return murmur(form, seconds)

    @pytest.mark.parametrize("mix", MIXES)
    @pytest.mark.parametrize("sample_rate", SAMPLE_RATES)
    async def test_it_takes_audio_in_every_format(
        self, plugin: TranscriberPlugin, sample_rate: int, mix: Mix
    ) -> None:
        form = AudioFormat(sample_rate, mix)
        async with running(plugin):
            await self._read(plugin.engine(), form, self.audio(form, 0.6))

    async def test_results_are_in_order_and_within_the_audio(
        self, plugin: TranscriberPlugin
    ) -> None:
        form = AudioFormat(8000, "stereo")
        audio = self.audio(form, 2.0)
        async with running(plugin):
            results = await self._read(plugin.engine(), form, audio)
        for channel in range(form.channels):
            finals = [one for one in results if one.channel == channel and one.is_final]
            starts = [one.start for one in finals]
            assert starts == sorted(starts), "final results of a channel are not in order"
        for one in results:
            assert 0 <= one.channel < form.channels
            assert 0 <= one.start <= one.end <= LATEST, "times are seconds of the audio given"
            assert one.confidence is None or 0 <= one.confidence <= 1

    async def test_results_end_after_a_drain_without_audio(self, plugin: TranscriberPlugin) -> None:
        form = AudioFormat(8000, "mono")
        async with running(plugin):
            assert await self._read(plugin.engine(), form, self.audio(form, 0.0)) == []

    async def test_it_never_writes_into_a_block(self, plugin: TranscriberPlugin) -> None:
        form = AudioFormat(16000, "stereo")
        audio = self.audio(form, 1.0)
        before = audio.copy()
        async with running(plugin):
            await self._read(plugin.engine(), form, audio)
        assert np.array_equal(audio, before), "others get the same block: copy it first"

    async def test_it_can_be_closed_at_any_moment(self, plugin: TranscriberPlugin) -> None:
        form = AudioFormat(8000, "mono")
        async with running(plugin), asyncio.timeout(self.patience):
            await plugin.engine().close()
            opened = plugin.engine()
            await opened.open(form, self.language)
            await opened.close()
            fed = plugin.engine()
            await fed.open(form, self.language)
            reading = asyncio.create_task(_collect(fed, []))
            await fed.audio(self.audio(form, 1.0))
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await fed.close()

    async def test_engines_of_one_plugin_do_not_mix(self, plugin: TranscriberPlugin) -> None:
        form = AudioFormat(8000, "mono")
        async with running(plugin), asyncio.timeout(self.patience):
            engines = [plugin.engine() for _ in range(5)]
            found = await asyncio.gather(
                *(self._read(one, form, self.audio(form, 1.0)) for one in engines)
            )
        texts = [[r.text for r in results if r.is_final] for results in found]
        assert all(one == texts[0] for one in texts), "the same audio was understood differently"

    async def test_an_engine_that_breaks_off_tells_what_is_covered(
        self, plugin: TranscriberPlugin
    ) -> None:
        form = AudioFormat(8000, "mono")
        results: list[Result] = []
        async with running(plugin), asyncio.timeout(self.patience):
            engine = plugin.engine()
            await engine.open(form, self.language)
            reading = asyncio.create_task(_collect(engine, results))
            try:
                with pytest.raises(EngineAway) as raised:
                    await self._feed_until_it_breaks(plugin, engine, form)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await engine.close()
        covered = raised.value.covered
        finals = [one for one in results if one.is_final]
        if covered is not None:
            assert covered >= 0, "`covered` is a second of the audio given"
            cut = [o for o in finals if o.start + HAIR < covered < o.end - HAIR]
            assert not cut, "`covered` lies within a final result"

    async def test_it_leaves_no_task_behind(self, plugin: TranscriberPlugin) -> None:
        form = AudioFormat(8000, "mono")
        before = asyncio.all_tasks()
        async with running(plugin):
            await self._read(plugin.engine(), form, self.audio(form, 0.5))
        left = [task.get_name() for task in asyncio.all_tasks() - before]
        assert not left, f"tasks that outlive `close`: {left}"

    async def test_it_never_blocks_the_event_loop(self, plugin: TranscriberPlugin) -> None:
        blockbuster = pytest.importorskip("blockbuster", reason="blockbuster is not installed")
        form = AudioFormat(8000, "mono")
        with blockbuster.blockbuster_ctx():
            async with running(plugin):
                await self._read(plugin.engine(), form, self.audio(form, 1.0))

    def test_a_misspelt_option_is_reported(self, plugin: TranscriberPlugin) -> None:
        with pytest.raises(ValidationError):
            plugin.Config.model_validate({"no such key": 1})

    async def _read(self, engine: Engine, form: AudioFormat, audio: AudioBlock) -> list[Result]:
        """Give audio in blocks of 100 ms, and return what came of it."""
        async with asyncio.timeout(self.patience):
            await engine.open(form, self.language)
            results: list[Result] = []
            reading = asyncio.create_task(_collect(engine, results))
            try:
                await self._feed(engine, form, audio)
                await engine.drain()
                await reading
                return results
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await engine.close()

    async def _feed_until_it_breaks(
        self, plugin: TranscriberPlugin, engine: Engine, form: AudioFormat
    ) -> None:
        while True:
            await self._feed(engine, form, self.audio(form, 1.0))
            await self.break_off(plugin)

    async def _feed(self, engine: Engine, form: AudioFormat, audio: AudioBlock) -> None:
        step = form.sample_rate // 10
        for start in range(0, audio.shape[1], step):
            await engine.audio(audio[:, start : start + step])


def murmur(form: AudioFormat, seconds: float) -> AudioBlock:
    """Make audio that is loud and says nothing: read-only, (channels, frames), int16."""
    rng = np.random.default_rng(7)
    shape = (form.channels, round(seconds * form.sample_rate))
    block: AudioBlock = np.clip(rng.normal(0, 3000, shape), -32768, 32767).astype(np.int16)
    block.flags.writeable = False
    return block


@asynccontextmanager
async def running(plugin: TranscriberPlugin) -> AsyncIterator[None]:
    """Open a plugin and close it, as the sink does around its life."""
    await plugin.open()
    try:
        yield
    finally:
        await plugin.close()


async def _collect(engine: Engine, results: list[Result]) -> None:
    async for result in engine.results():
        results.append(result)  # noqa: PERF401 - those before a failure count


__all__: Sequence[str] = ["EngineContract", "running"]

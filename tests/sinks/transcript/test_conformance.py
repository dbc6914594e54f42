"""The suite for engines passes those that keep the contract, and names what one breaks."""

from pathlib import Path

import pytest
from transcript_script import Script, Scripted

from listen_codecs.formats import AudioBlock
from listen_sinks.api import NoConfig, SinkContext
from listen_sinks.transcript.api import Engine, TranscriberPlugin
from listen_sinks.transcript.conformance import EngineContract
from listen_sinks.transcript.null import Null, NullEngine


class TestNull(EngineContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> TranscriberPlugin:
        return Null(NoConfig(), SinkContext("transcript", tmp_path))


class TestScripted(EngineContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TranscriberPlugin:
        monkeypatch.setattr(Scripted, "script", Script(), raising=False)
        return Scripted(NoConfig(), SinkContext("transcript", tmp_path))

    async def break_off(self, plugin: TranscriberPlugin) -> None:
        for engine in plugin.script.made:  # type: ignore[attr-defined]  # it is a Scripted
            engine.step = "after 1"


def test_whoever_writes_an_engine_has_five_methods_to_write() -> None:
    public = [name for name in vars(Engine) if not name.startswith("_")]
    assert len(public) == 5


class Writing(Null):
    def engine(self) -> Engine:
        class Writer(NullEngine):
            async def audio(self, block: AudioBlock) -> None:
                block.flags.writeable = True
                block += 1

        return Writer()


async def test_an_engine_that_writes_into_a_block_is_told(tmp_path: Path) -> None:
    plugin = Writing(NoConfig(), SinkContext("transcript", tmp_path))
    with pytest.raises((AssertionError, ValueError)):
        await EngineContract().test_it_never_writes_into_a_block(plugin)

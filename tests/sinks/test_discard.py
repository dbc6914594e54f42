from pathlib import Path

import pytest
from recordings import every_file

from listen_sinks.api import NoConfig, SinkContext
from listen_sinks.conformance import SinkContract, running
from listen_sinks.discard import Discard
from listen_sinks.testing import make_call, make_outcome, tone


class TestDiscard(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> Discard:
        return Discard(NoConfig(), SinkContext("discard", tmp_path))


async def test_it_says_how_much_went_through_and_keeps_none_of_it(tmp_path: Path) -> None:
    plugin = Discard(NoConfig(), SinkContext("discard", tmp_path))
    call = make_call(8000, "stereo")

    async with running(plugin):
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call, 0.5))
        await sink.finish(make_outcome(call, 4000))

    assert (plugin.streams, plugin.frames) == (1, 4000)
    assert every_file(tmp_path) == []

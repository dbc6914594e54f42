import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google_calls import both

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.api import SinkContext
from listen_sinks.transcript.api import TranscriberPlugin
from listen_sinks.transcript.conformance import EngineContract
from listen_sinks.transcript.google import Google, GoogleConfig
from listen_sinks.transcript.google.stand_in import spoken

SERVE = [sys.executable, "-m", "listen_sinks.transcript.google.stand_in", "serve", "--port", "0"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run the stand-in in a process of its own: its tasks are not the engine's."""
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


class TestGoogle(EngineContract):
    @pytest.fixture(params=["v2", "v1"])
    def plugin(
        self, request: pytest.FixtureRequest, address: str, tmp_path: Path
    ) -> TranscriberPlugin:
        config = GoogleConfig(api=request.param, endpoint=address, insecure=True)
        return Google(config, SinkContext("transcript", tmp_path))

    def audio(self, form: AudioFormat, seconds: float) -> AudioBlock:
        said = spoken(range(round(seconds * 5)), form.sample_rate, group=100)
        return both(said, said) if form.channels == 2 else said

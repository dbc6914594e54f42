from pathlib import Path

import pytest

from listen_sinks.api import SinkContext
from listen_sinks.conformance import SinkContract
from listen_sinks.voicemail import Voicemail


class TestVoicemail(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> Voicemail:
        return Voicemail(Voicemail.Config(), SinkContext("voicemail", tmp_path))

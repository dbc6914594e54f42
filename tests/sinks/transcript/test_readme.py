"""The page for operators and authors says what is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from listen_sinks.api import SinkContext
from listen_sinks.transcript import config, coverage, session
from listen_sinks.transcript.api import TranscriberPlugin
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.conformance import EngineContract
from listen_sinks.transcript.engines import installed_engines
from listen_sinks.transcript.hook import MOST_WAITING
from listen_sinks.transcript.pocketsphinx_options import PocketSphinxConfig
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.spoken import KEEP_EVERY

PAGE = Path(config.__file__).with_name("README.md")
TEXT = PAGE.read_text()


def example() -> dict[str, Any]:
    """Run the engine that is on the page."""
    code = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code[0], str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def test_every_setting_is_on_the_page() -> None:
    for model in (TranscriptConfig, PocketSphinxConfig):
        assert [key for key in model.model_fields if f"| `{key}` |" not in TEXT] == []


def test_the_defaults_are_as_they_are_told() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", TEXT, re.MULTILINE))
    names = ("hook", "open", "drain", "close")
    for key in (*(f"{name}_timeout" for name in names), "ring_seconds", "catch_up_seconds"):
        assert float(rows[key]) == TranscriptConfig.model_fields[key].default
    assert f"({VoicemailConfig.model_fields['transcript_wait'].default:g} s)" in TEXT
    assert f"the newest {MOST_WAITING} results" in TEXT.replace("\n", " ")
    assert (KEEP_EVERY, coverage.OVERLAP, session.FIRST_DELAY) == (5.0, 0.3, 0.25)


def test_every_engine_is_on_the_page() -> None:
    assert [name for name in installed_engines() if f"`{name}`" not in TEXT] == []


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target


class TestTheExample(EngineContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> TranscriberPlugin:
        names = example()
        made: TranscriberPlugin = names["Minutes"](
            names["MinutesConfig"](), SinkContext("transcript", tmp_path)
        )
        return made

"""Engines are found by name, and one that cannot be had says how to get it."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from transcript_script import Script, install, make_transcript

from listen_sinks.transcript import engines
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.engines import engine_class, installed_engines


def test_the_engines_of_this_project_are_installed() -> None:
    assert {"null", "pocketsphinx"} <= set(installed_engines())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pocketsphynx", "did you mean 'pocketsphinx'"),
        ("whisper", "install the package that brings it"),
    ],
)
def test_an_engine_that_is_not_installed_is_told_with_what_to_do(name: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TranscriptConfig(engine=name)


def test_an_engine_of_ours_that_is_not_there_names_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "installed_engines", dict)
    with pytest.raises(ValueError, match=r"pip install 'listen-server\[offline\]'"):
        engine_class("pocketsphinx")


def test_an_engine_whose_extra_is_missing_names_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.delitem(sys.modules, "listen_sinks.transcript.pocketsphinx", raising=False)
    with pytest.raises(ValueError, match=r"pip install 'listen-server\[offline\]'"):
        engine_class("pocketsphinx")


def test_an_engine_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Script())
    monkeypatch.setattr(sys.modules["transcript_script"], "Scripted", dict)
    with pytest.raises(ValueError, match="is not a subclass"):
        engine_class("scripted")


def test_an_option_that_the_engine_does_not_have_is_told_at_start() -> None:
    with pytest.raises(ValidationError, match=r"`proceses` is not .* did you mean `processes`"):
        TranscriptConfig(engine="pocketsphinx", options={"proceses": 2})
    with pytest.raises(ValidationError, match="option `processes` of the engine") as raised:
        TranscriptConfig(engine="pocketsphinx", options={"processes": "a secret"})
    assert "a secret" not in str(raised.value)


def test_the_default_understands_nothing_and_costs_nothing(tmp_path: Path) -> None:
    assert TranscriptConfig().engine == "null"
    assert make_transcript(tmp_path, engine="null").transcriber is not None

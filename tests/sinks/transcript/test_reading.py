"""A whole recording is understood as fast as an engine takes it, and all of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from transcript_script import Script, Scripted, spoken

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.api import NoConfig, SinkContext
from listen_sinks.testing import packets
from listen_sinks.transcript import session as session_module
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.reading import read_aloud
from listen_sinks.transcript.session import Patience

FORM = AudioFormat(8000, "mono")


async def read(
    monkeypatch: pytest.MonkeyPatch, script: Script, words: int, patience: Patience | None = None
) -> tuple[Transcript, list[float]]:
    async def blocks() -> AsyncIterator[AudioBlock]:
        for block in packets(spoken(FORM, 0, words), 800):
            yield block

    monkeypatch.setattr(session_module, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(Scripted, "script", script, raising=False)
    plugin = Scripted(NoConfig(), SinkContext("transcript", Path()))
    told: list[float] = []
    transcript = await read_aloud(
        plugin, "scripted", blocks(), FORM, "en-US", patience=patience, told=told.append
    )
    return transcript, told


async def test_a_recording_that_is_longer_than_the_ring_is_understood_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script(["after 40", "open", "after 3", "after 100"])
    transcript, told = await read(monkeypatch, script, 3000)

    assert transcript.text().split() == [str(word) for word in range(3000)]
    assert transcript.complete
    assert told == sorted(told)
    assert told[-1] == pytest.approx(300.0)


async def test_nothing_is_given_out_of_which_a_piece_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = Script(["open"] * 10_000)
    with pytest.raises(EngineAway):
        await read(monkeypatch, never, 20, Patience(drain=0.05))


async def test_an_engine_that_stays_away_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = Script(["after 5"] + ["open"] * 10_000)
    with pytest.raises(EngineAway, match="connection lost"):
        await read(monkeypatch, never, 3000, Patience(away=0.05))


async def test_an_engine_that_refuses_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(["after 15"], error=lambda: EngineRefused("no credential"))
    with pytest.raises(EngineRefused, match="no credential"):
        await read(monkeypatch, script, 3000)
    assert script.made[0].seconds < 20

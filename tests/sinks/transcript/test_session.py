"""One stream and its engines: what breaks off is taken up again, and every word comes once."""

import asyncio
import random

import pytest
from transcript_script import Script, spoken

from listen_codecs.formats import AudioFormat
from listen_sinks.transcript import coverage
from listen_sinks.transcript import session as session_module
from listen_sinks.transcript.api import EngineRefused, Result
from listen_sinks.transcript.session import Patience, Session

FORMAT = AudioFormat(8000, "mono")
QUICK = Patience(opening=5, audio=0.2, drain=5, ring=20)


@pytest.fixture(autouse=True)
def _no_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(session_module, "LONGEST_DELAY", 0.005)


class Listener:
    def __init__(
        self, script: Script, patience: Patience = QUICK, form: AudioFormat = FORMAT
    ) -> None:
        self.results: list[Result] = []
        self.missed: list[tuple[float, float]] = []
        self.session = Session(
            script.engine,
            form,
            "en-US",
            heard=self.results.append,
            missed=lambda start, end: self.missed.append((start, end)) if end > start else None,
            patience=patience,
        )

    def words(self, channel: int = 0) -> list[int]:
        return [int(w) for r in self.results if r.channel == channel for w in r.text.split()]


async def test_every_word_of_a_stream_is_heard_once_and_at_its_time() -> None:
    script = Script()
    listener = Listener(script)
    listener.session.put(spoken(FORMAT, 0, 37))
    listener.session.end()
    assert await listener.session.run()

    assert listener.words() == list(range(37))
    assert [w.start for r in listener.results for w in r.words] == pytest.approx(
        [n / 10 for n in range(37)]
    )
    assert listener.missed == []
    assert script.made[0].closed


@pytest.mark.parametrize("mix", ["mono", "stereo"])
async def test_an_engine_that_breaks_off_again_and_again_costs_no_word(mix: str) -> None:
    form = AudioFormat(16000, "stereo" if mix == "stereo" else "mono")
    script = Script(["after 1.3", "open", "after 2", "after 0.9", "open", "drain", "after 3"])
    listener = Listener(script, form=form)
    running = asyncio.create_task(listener.session.run())
    for number in range(0, 100, 2):
        listener.session.put(spoken(form, number, 2))
        await asyncio.sleep(0)
    listener.session.end()

    assert await running
    for channel in range(form.channels):
        assert listener.words(channel) == list(range(100))
    assert listener.missed == []
    assert listener.session.breaks >= 6
    assert all(engine.closed for engine in script.made)


async def test_of_a_thousand_words_each_comes_once_however_often_engines_break_off() -> None:
    chance = random.Random(5)  # noqa: S311 - any numbers do
    steps = [
        chance.choice(["open", *[f"after {chance.uniform(0.5, 3):.2f}"] * 4]) for _ in range(120)
    ]
    script = Script(steps, every=0.3)
    form = AudioFormat(8000, "stereo")
    listener = Listener(script, Patience(ring=5, drain=10), form)
    running = asyncio.create_task(listener.session.run())
    audio = spoken(form, 0, 1000)
    at = 0
    while at < audio.shape[1]:
        while listener.session.behind > 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.001)
        frames = chance.randrange(1, 4000)
        listener.session.put(audio[:, at : at + frames])
        at += frames
        await asyncio.sleep(0)
    listener.session.end()

    assert await running
    assert listener.session.breaks >= 50
    assert listener.missed == []
    for channel in (0, 1):
        assert listener.words(channel) == list(range(1000))


async def test_what_is_older_than_the_ring_is_marked_when_the_engine_comes_back() -> None:
    script = Script(["open"])
    listener = Listener(script, Patience(ring=2, drain=5))
    for number in range(0, 100, 2):
        listener.session.put(spoken(FORMAT, number, 2))
    listener.session.end()

    assert await listener.session.run()
    assert listener.words() == list(range(80, 100))
    assert listener.missed == [(0.0, 8.0)]


async def test_an_engine_that_never_comes_is_given_up_when_the_time_for_last_words_is_over() -> (
    None
):
    script = Script(["open"] * 10_000)
    listener = Listener(script, Patience(drain=0.05))
    listener.session.put(spoken(FORMAT, 0, 10))
    listener.session.end()

    assert not await listener.session.run()
    assert listener.missed == [(0.0, 1.0)]


@pytest.mark.parametrize("where", ["open", "audio"])
async def test_an_engine_that_hangs_is_left_for_another(where: str) -> None:
    script = Script([f"hang {where}"])
    listener = Listener(script, Patience(opening=0.05, audio=0.05, drain=5))
    listener.session.put(spoken(FORMAT, 0, 20))
    listener.session.end()

    assert await listener.session.run()
    assert listener.words() == list(range(20))
    assert script.made[0].closed


@pytest.mark.parametrize("where", ["drain", "results"])
async def test_an_engine_that_hangs_at_the_end_costs_the_last_words_alone(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_LAST", 0.05)
    script = Script([f"hang {where}"] * 10_000)
    listener = Listener(script, Patience(drain=0.1))
    listener.session.put(spoken(FORMAT, 0, 18))
    listener.session.end()

    whole = await listener.session.run()
    assert not whole
    assert listener.words()[:15] == list(range(15))


async def test_an_engine_that_refuses_is_not_asked_again() -> None:
    script = Script(["open"], error=lambda: EngineRefused("the credential has expired: renew it"))
    listener = Listener(script)
    listener.session.put(spoken(FORMAT, 0, 10))

    with pytest.raises(EngineRefused, match="renew it"):
        await listener.session.run()
    assert len(script.made) == 1
    assert listener.missed == [(0.0, 1.0)]


async def test_an_engine_with_a_fault_of_its_own_is_refused_without_its_words() -> None:
    script = Script(["after 1"], error=lambda: KeyError("what the caller said"))
    listener = Listener(script)
    listener.session.put(spoken(FORMAT, 0, 20))

    with pytest.raises(EngineRefused, match="KeyError") as raised:
        await listener.session.run()
    assert "caller" not in str(raised.value)


async def test_audio_that_this_sink_never_got_moves_the_times_of_what_follows() -> None:
    script = Script()
    listener = Listener(script)
    listener.session.put(spoken(FORMAT, 0, 10))
    listener.session.skip(2.0)
    listener.session.put(spoken(FORMAT, 30, 10))
    listener.session.end()

    await listener.session.run()
    starts = {w.text: w.start for r in listener.results for w in r.words}
    assert starts["9"] == pytest.approx(0.9)
    assert starts["30"] == pytest.approx(3.0)


@pytest.mark.parametrize("answers", [True, False])
async def test_silence_is_covered_once_an_engine_that_answers_had_it_for_long_enough(
    monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    monkeypatch.setattr(coverage, "SETTLED", 0.0)
    script = Script(["after 5"], every=0.4 if answers else 1000.0)
    listener = Listener(script, Patience(ring=1, drain=5))
    running = asyncio.create_task(listener.session.run())
    for number in range(60):
        listener.session.put(spoken(FORMAT, number, 1))
        await asyncio.sleep(0.001)
        if number == 10:
            script.every = 1000.0  # of what comes then it says nothing
    listener.session.end()

    assert await running
    lost = sum(end - start for start, end in listener.missed)
    assert lost < 2 if answers else lost > 3

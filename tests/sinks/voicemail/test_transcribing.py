"""Messages whose engine was away are understood later, by whoever may open them."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import until
from mailbox_contents import make_voicemail, shipped, voicemail
from transcript_script import Script, ScriptedEngine, install, spoken, transcribing

from listen_codecs.formats import AudioFormat
from listen_sinks.api import Call
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.transcript import reading
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.board import BOARD, Offer
from listen_sinks.transcript.session import Patience
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.parts import get_values
from listen_sinks.voicemail.index.transcripts import total_untranscribed, untranscribed
from listen_sinks.voicemail.transcribing import TRIES, CatchingUp, transcribe_part, transcripts

FIRST, WORDS = 23456, 20


async def leave(plugin: Voicemail, call: Call) -> None:
    """Leave a message; the transcript sink of the call, if any, is on the board already."""
    sink = plugin.sink(call)
    await sink.start(call)
    audio = spoken(call.format, FIRST, WORDS)
    for block in packets(audio, 1600):
        await sink.audio(block)
    await sink.finish(make_outcome(call, audio.shape[1]))
    await shipped(plugin)


def offer(script: Script) -> Offer:
    class Plugin:
        def engine(self) -> ScriptedEngine:
            return script.engine()

    return Offer(Plugin(), "scripted", "en-US")  # type: ignore[arg-type]  # all that is asked of it


async def test_a_message_is_understood_when_somebody_asks_for_it(tmp_path: Path) -> None:
    calls = [make_call(8000, "mono"), make_call(16000, "stereo")]
    async with voicemail(tmp_path) as kept:
        for call in calls:
            await leave(kept, call)
    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        reader = await store.store()
        assert await total_untranscribed(store.database) == pytest.approx(2 * WORDS / 10)
        for wanted in await untranscribed(store.database):
            await transcribe_part(reader, store.database, wanted, offer(Script()), actor="operator")
        found = [
            await transcripts(reader, store.database, "example", call.stream_id, actor="operator")
            for call in calls
        ]
        assert await untranscribed(store.database) == ()

    for call, (one,) in zip(calls, found, strict=True):
        for channel in range(call.format.channels):
            words = [int(word) for word in one.transcript.text(channel).split()]
            assert words == list(range(FIRST, FIRST + WORDS))


async def test_another_transcript_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as kept:
        await leave(kept, call)
    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        reader = await store.store()
        (wanted,) = await untranscribed(store.database)
        for language in ("en-US", "de-DE"):
            other = Offer(offer(Script()).transcriber, "scripted", language)
            await transcribe_part(reader, store.database, wanted, other, actor="operator")
        values = await get_values(store.database, call.stream_id, 0)
        (one,) = await transcripts(
            reader, store.database, "example", call.stream_id, actor="operator"
        )

    assert set(values) == {"meta", "peaks", "transcript"}
    assert one.transcript.language == "de-DE"


@pytest.mark.parametrize("error", [EngineAway, EngineRefused])
async def test_an_engine_that_does_not_hear_all_of_it_leaves_the_message_as_it_was(
    tmp_path: Path, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PATIENT", Patience(away=0.0))
    call = make_call()
    script = Script(["after 0.1"] * 10, error=lambda: error("no answer"))
    async with voicemail(tmp_path) as kept:
        await leave(kept, call)
    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        (wanted,) = await untranscribed(store.database)
        with pytest.raises(error, match="no answer"):
            await transcribe_part(
                await store.store(), store.database, wanted, offer(script), actor="operator"
            )
        assert set(await get_values(store.database, call.stream_id, 0)) == {"meta", "peaks"}


async def test_messages_whose_engine_was_away_are_understood_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang open"])
    install(monkeypatch, script)
    asked, never_asked = make_call(), make_call()
    async with voicemail(tmp_path, transcript_wait=0.0) as kept:
        async with transcribing(tmp_path, close_timeout=0.0) as heard:
            sink = heard.sink(asked)  # a transcript was wanted, and its engine is away
            await sink.start(asked)
            await leave(kept, asked)
            await sink.finish(make_outcome(asked, 0))
        await leave(kept, never_asked)
        await until(lambda: not kept.words.pending)
        async with transcribing(tmp_path):  # the engine is back
            catching_up = CatchingUp(
                kept.database, kept.catching_up.store, interval=0.01, newest=timedelta()
            )
            catching_up.start()
            await until(lambda: catching_up.done)
            await catching_up.close()
        labels = [
            set(await get_values(kept.database, call.stream_id, 0)) for call in (asked, never_asked)
        ]

    assert labels == [{"meta", "peaks", "transcript"}, {"meta", "peaks"}]
    assert BOARD.offers == []


@pytest.mark.parametrize("error", [EngineAway, EngineRefused])
async def test_however_often_the_engine_was_away_messages_are_understood_when_it_is_back(
    tmp_path: Path, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PATIENT", Patience(away=0.0))
    away = Script(["hang open"] * 2 + ["open"] * 1000, error=lambda: error("no answer"))
    install(monkeypatch, away)
    async with voicemail(tmp_path, transcript_wait=0.0) as kept:
        async with transcribing(tmp_path, close_timeout=0.0) as heard:
            for call in (make_call(), make_call()):
                sink = heard.sink(call)
                await sink.start(call)
                await leave(kept, call)
                await sink.finish(make_outcome(call, 0))
        await until(lambda: not kept.words.pending)
        catching_up = CatchingUp(
            kept.database, kept.catching_up.store, interval=0.0, newest=timedelta()
        )
        for _ in range(5 * TRIES):
            with contextlib.suppress(error):
                await catching_up.round(offer(away))
        for _ in range(2):  # in one of them each message has its turn
            await catching_up.round(offer(Script()))

    assert catching_up.done == 2


async def test_a_message_that_is_erased_meanwhile_is_passed_over(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as kept:
        await leave(kept, call)
    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        (wanted,) = await untranscribed(store.database)
        assert wanted.seconds == pytest.approx(AudioFormat(8000, "mono").seconds(WORDS * 800))
        await erase_message(store.erasures, "example", call.stream_id, actor="operator")
        assert await untranscribed(store.database) == ()
        assert await untranscribed(store.database, after=datetime.now(UTC)) == ()
        with pytest.raises(UnknownMessage):
            await transcribe_part(
                await store.store(), store.database, wanted, offer(Script()), actor="operator"
            )

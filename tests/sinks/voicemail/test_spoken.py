"""What is understood of a call is in its message, sealed, and goes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import until
from mailbox_contents import make_voicemail, shipped, voicemail
from sqlalchemy import select
from transcript_script import Script, install, spoken, transcribing
from ulid import ULID

from listen_sinks.api import Call
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.plugin import Transcript as TranscriptPlugin
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail import spoken as spoken_module
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.outbox import Subscription, subscribe
from listen_sinks.voicemail.index.parts import get_values, list_parts
from listen_sinks.voicemail.index.schema import EventRow
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.transcribing import transcripts

FIRST = 23456  # a word that is nowhere by chance
WORDS = 20


async def stream(call: Call, *plugins: Any, words: int = WORDS) -> None:
    """Give a call to sinks as the server does: all made, then started, fed and finished."""
    sinks = [plugin.sink(call) for plugin in plugins]
    for sink in sinks:
        await sink.start(call)
    audio = spoken(call.format, FIRST, words)
    for block in packets(audio, call.format.sample_rate // 10):
        for sink in sinks:
            await sink.audio(block)
        await asyncio.sleep(0)
    outcome = make_outcome(call, audio.shape[1])
    await asyncio.gather(*(sink.finish(outcome) for sink in sinks))


async def read(data_dir: Path, call: Call) -> list[Transcript]:
    """Return what a message says was understood, as somebody reads it who may."""
    plugin = await asyncio.to_thread(make_voicemail, data_dir)
    async with access(plugin) as store:
        found = await transcripts(
            await store.store(), store.database, call.tenant, call.stream_id, actor="operator"
        )
    return [one.transcript for one in found]


def said(transcript: Transcript) -> list[int]:
    return [int(word) for word in transcript.text(0).split()]


@asynccontextmanager
async def both(data_dir: Path, **config: Any) -> AsyncIterator[tuple[Voicemail, TranscriptPlugin]]:
    async with (
        voicemail(data_dir, **config) as kept,
        transcribing(data_dir, drain_timeout=config.get("transcript_wait", 5.0) + 5) as heard,
    ):
        yield kept, heard


async def test_the_words_of_a_call_are_sealed_into_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script())
    call = make_call()
    async with both(tmp_path) as plugins:
        await stream(call, *plugins)
        await shipped(plugins[0])
        parts = await list_parts(plugins[0].database, call.tenant, call.stream_id)
        values = await get_values(plugins[0].database, call.stream_id, 0)

    (transcript,) = await read(tmp_path, call)
    assert said(transcript) == list(range(FIRST, FIRST + WORDS))
    assert transcript.complete
    assert len(parts) == 1
    assert set(values) == {"meta", "peaks", "transcript"}


async def test_a_message_is_there_at_once_and_words_that_come_late_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang drain"])
    install(monkeypatch, script)
    call = make_call()
    async with both(tmp_path, transcript_wait=0.01) as (kept, heard):
        await stream(call, kept, heard)
        await shipped(kept)
        assert set(await get_values(kept.database, call.stream_id, 0)) >= {"words"}
        assert kept.words.pending == 1
        script.hang.set()
        await until(lambda: not kept.words.pending)
        parts = await list_parts(kept.database, call.tenant, call.stream_id)
        late = await get_values(kept.database, call.stream_id, 1)

    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        reader = await store.store()
        found = [await reader.check(call.stream_id, part, actor="operator") for part in parts]
        message = await reader.open(call.tenant, call.stream_id, actor="operator")

    assert found == [(), ()]
    assert (message.frames, message.findings) == (WORDS * 800, ())
    assert [part.frames for part in parts] == [WORDS * 800, 0]
    assert set(late) == {"transcript"}
    (transcript,) = await read(tmp_path, call)
    assert said(transcript) == list(range(FIRST, FIRST + WORDS))


async def test_a_message_that_its_caller_waits_for_waits_for_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["hang drain"])
    install(monkeypatch, script)
    ticket = str(ULID())
    call = make_call(granted={"ticket": ticket})
    async with both(tmp_path, transcript_wait=60) as (kept, heard):
        async with asyncio.timeout(30):
            await stream(call, kept, heard)
            await shipped(kept)
        found = await find_ticket(kept.database, call.tenant, ticket)
        assert kept.words.pending == 1
        script.hang.set()
        await until(lambda: not kept.words.pending)

    assert found is not None
    assert found.id == call.stream_id
    (transcript,) = await read(tmp_path, call)
    assert said(transcript) == list(range(FIRST, FIRST + WORDS))
    assert transcript.complete


async def test_nothing_of_the_words_is_in_the_clear_and_erasure_destroys_the_late_ones_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken_module, "KEEP_EVERY", 0.0)
    script = Script(["hang drain"])
    install(monkeypatch, script)
    call = make_call()
    async with both(tmp_path, transcript_wait=0.01) as (kept, heard):
        await stream(call, kept, heard)
        await shipped(kept)
        script.hang.set()
        await until(lambda: not kept.words.pending)
        before = await asyncio.to_thread(bytes_below, tmp_path)
        sealed = [
            (await get_values(kept.database, call.stream_id, part))[label]
            for part, label in ((0, "words"), (1, "transcript"))
        ]
    assert str(FIRST).encode() not in before
    assert all(value in before for value in sealed)

    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    async with access(plugin) as store:
        receipt = await erase_message(store.erasures, call.tenant, call.stream_id, actor="operator")
        await store.remove_objects(receipt)
    assert receipt.keys_destroyed == 2
    after = await asyncio.to_thread(bytes_below, tmp_path)
    assert not any(value in after for value in sealed)
    assert str(FIRST).encode() not in after


async def test_words_survive_a_server_that_is_killed_while_the_call_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken_module, "KEEP_EVERY", 0.0)
    install(monkeypatch, Script())
    call = make_call()
    audio = spoken(call.format, FIRST, WORDS)
    async with both(tmp_path) as (kept, heard):
        sinks = [kept.sink(call), heard.sink(call)]
        for sink in sinks:
            await sink.start(call)
        for block in packets(audio, 800):
            for sink in sinks:
                await sink.audio(block)
            await asyncio.sleep(0.005)
        await sinks[1].finish(make_outcome(call, audio.shape[1]))
        # The voicemail sink never gets to its end: its plugin closes as that of a killed server.
    async with voicemail(tmp_path) as again:
        await shipped(again)

    (transcript,) = await read(tmp_path, call)
    assert said(transcript)[:5] == list(range(FIRST, FIRST + 5))
    assert not transcript.complete


async def test_a_stream_that_nobody_transcribes_has_no_words_and_waits_for_none(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with voicemail(tmp_path, transcript_wait=60) as kept:
        await stream(call, kept)
        await shipped(kept)
        assert set(await get_values(kept.database, call.stream_id, 0)) == {"meta", "peaks"}
    assert await read(tmp_path, call) == []


@pytest.mark.parametrize("late", [False, True])
async def test_others_are_told_of_a_transcript_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    script = Script(["hang drain"] if late else [])
    install(monkeypatch, script)
    call = make_call()
    async with both(tmp_path, transcript_wait=0.01 if late else 5.0) as (kept, heard):
        await subscribe(
            kept.database, {"crm": Subscription(["message.transcribed"], None, "0" * 64)}
        )
        await stream(call, kept, heard)
        await shipped(kept)
        script.hang.set()
        await until(lambda: not kept.words.pending)
        async with kept.database.reading() as session:
            events = list(await session.scalars(select(EventRow)))

    assert [event.data["part"] for event in events] == [int(late)]
    assert events[0].data["engine"] == "scripted"
    assert str(FIRST) not in str(events[0].data)


async def test_an_engine_that_gives_up_costs_the_message_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script(["hang open"] * 1000))
    call = make_call()
    async with both(tmp_path, transcript_wait=0.01) as (kept, heard):
        await stream(call, kept, heard)
        await shipped(kept)
        values = await get_values(kept.database, call.stream_id, 0)
        heard.config.__dict__["close_timeout"] = 0.0

    assert set(values) == {"meta", "peaks", "words"}
    (transcript,) = await read(tmp_path, call)
    assert transcript.results == []
    assert not transcript.complete


def bytes_below(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

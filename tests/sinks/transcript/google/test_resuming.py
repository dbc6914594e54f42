"""Google comes back after a long absence: what it missed it hears from the message, at its pace."""

import asyncio
from pathlib import Path

import pytest
from google_calls import blocks, standing_in
from harness import until
from mailbox_contents import voicemail
from transcript_script import make_transcript

from listen_sinks.testing import make_call, make_outcome
from listen_sinks.transcript import session as session_module
from listen_sinks.transcript import source as source_module
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.google import Google
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import Faults, spoken
from listen_sinks.transcript.google.stand_in.faults import UNAVAILABLE

SPEED = 60
TOKENS = list(range(150))
AUDIO = spoken(TOKENS, 8000)  # some 40 seconds


async def test_a_while_in_which_google_was_away_costs_no_word_and_google_is_not_rushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LONGEST_DELAY", 0.1)
    monkeypatch.setattr(source_module, "PACE", source_module.PACE * SPEED)
    clock = Clock(SPEED)
    call = make_call()
    async with (
        standing_in(clock=clock, faults=Faults(always=UNAVAILABLE)) as (stand_in, address),
        voicemail(tmp_path) as kept,
    ):
        heard = await asyncio.to_thread(
            make_transcript,
            tmp_path,
            engine="google",
            options={"endpoint": address, "insecure": True, "patience": 5.0},
            ring_seconds=2.0,
        )
        assert isinstance(heard.transcriber, Google)
        heard.transcriber.clock = clock
        await heard.open()
        sinks = [kept.sink(call), heard.sink(call)]
        posting = BOARD.find(call.stream_id)
        assert posting is not None
        for sink in sinks:
            await sink.start(call)
        for block in blocks(AUDIO, 800):
            for sink in sinks:
                await sink.audio(block)
            await clock.sleep(0.1)
        away = len(stand_in.ends)
        stand_in.faults.always = None
        await until(lambda: f" {TOKENS[-8]} " in f" {posting.transcript.text()} ", 20)
        outcome = make_outcome(call, AUDIO.shape[1])
        await asyncio.gather(*(sink.finish(outcome) for sink in sinks))
        await until(lambda: not heard.draining)
        await heard.close()

    assert [int(word) for word in posting.transcript.text().split()] == TOKENS
    assert posting.transcript.complete
    assert set(stand_in.ends[away:]) <= {"OK", "UNAVAILABLE", "CANCELLED"}

"""Leaving a message that cannot be kept: nobody is told that it is, and words that are stay."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soundfile
from stored_messages import speech
from voicemail.machine import Machine, machine

from listen_server.simulator.platform import Outcome, Said
from listen_server.voicemail import desk, visit
from listen_server.voicemail.base import VoicemailApplication
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.policies import KEPT

AGAIN = "One moment, please. Speak after the tone."
AWAY = "Messages cannot be taken at the moment. Please call again later. Goodbye."
THANKS = "Thank you. Your message is kept. Goodbye."


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    folder = tmp_path_factory.mktemp("server")
    async with machine(folder, voicemail={"review_wait": 0.5}) as made:
        yield made


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    file = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(file, speech(2.0)[0], 8000, subtype="PCM_16")
    return [f"recording speak {file}", "recording+0.5 press #"]


def said(outcome: Outcome) -> list[str]:
    """Return what was said after the greeting."""
    assert outcome.refusals == (), outcome.screenplay.lines
    return [one.text for one in outcome.heard if isinstance(one, Said)][1:]


def broken(*_: Any) -> Any:
    raise OSError(errno.EIO, "broken")


@pytest.mark.parametrize("review", [False, True])
async def test_a_disk_that_takes_no_message_leaves_nobody_in_the_belief_that_it_did(
    server: Machine, script: list[str], monkeypatch: pytest.MonkeyPatch, *, review: bool
) -> None:
    number, box = await server.box(review=review)
    monkeypatch.setattr(server.plugin.spool.disk, "create", broken)

    outcome = await server.call(number, *script, *script)

    assert said(outcome) == [AGAIN, AWAY]
    assert await server.messages(box.id) == []


async def test_whoever_is_cut_off_by_a_full_disk_is_asked_to_say_it_again(
    server: Machine, script: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box()
    disk, write, calls = server.plugin.spool.disk, server.plugin.spool.disk.write, 0

    def is_full(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:  # envelope and header are there
            raise OSError(errno.ENOSPC, "full")
        write(*given)

    monkeypatch.setattr(disk, "write", is_full)
    outcome = await server.call(number, *script, *script)

    assert said(outcome) == [AGAIN, THANKS]
    cut, whole = await server.messages(box.id, KEPT)
    assert (cut.outcome, cut.reason) == ("failed", "the disk was full")
    assert whole.outcome == "complete"


async def test_an_index_that_hangs_keeps_nobody_waiting_for_longer_than_jambonz_does(
    server: Machine, script: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box(review=True)

    @asynccontextmanager
    async def hangs() -> AsyncIterator[Any]:
        await asyncio.sleep(5)
        yield

    for where, name, seconds in (
        (visit, "DEADLINE", 0.9),
        (VoicemailApplication, "deadline", 0.9),
        (desk, "_PATIENCE", 0.45),
    ):
        monkeypatch.setattr(where, name, seconds)
    with monkeypatch.context() as outage:
        outage.setattr(server.plugin.database, "reading", hangs)
        outcome = await server.call(number, *script)

    assert said(outcome) == ["One moment, please.", THANKS]
    assert len(await server.messages(box.id, KEPT)) == 1


async def test_silence_never_takes_the_place_of_words_also_if_it_is_seen_when_the_caller_has_gone(
    server: Machine, script: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box(review=True)
    tickets: list[str] = []

    async def find_the_first(database: Database, tenant: str, ticket: str) -> Message | None:
        tickets.append(ticket)
        return await find_ticket(database, tenant, ticket) if ticket == tickets[0] else None

    monkeypatch.setattr(desk, "find_ticket", find_the_first)
    outcome = await server.call(number, *script, 'hears "To keep" press 3')

    assert said(outcome)[1:] == ["Please speak after the tone.", "One moment, please.", THANKS]
    words, _silence = (one.pcm for one in outcome.streams)
    async with asyncio.timeout(20):
        while len(kept := await server.heard(box.id)) != 1:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.02)
    assert np.array_equal(kept[0], words)


async def test_a_greeting_store_that_hangs_is_asked_once(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = "01M7WR9CK6AZQ0NET37P865XVX", "01M7WR9CK6AZQ0NET37P865XVY"
    number, _ = await server.box(
        greeting=ids[0], temporary_greeting=ids[1], profile={"name": "Ann"}
    )
    monkeypatch.setattr(VoicemailApplication, "deadline", 0.9)
    monkeypatch.setattr(desk, "_PATIENCE", 0.5)

    async def hangs(*_: Any) -> Any:
        await asyncio.sleep(5)

    monkeypatch.setattr(desk, "list_parts", hangs)
    outcome = await server.call(number, "2 hang up")

    (greeting,) = [one.text for one in outcome.heard if isinstance(one, Said)]
    assert greeting.startswith("Ann cannot take your call")

"""Leaving a message: the screenplays in screenplays/, by both transports."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from voicemail.machine import Machine, Transport, machine
from voicemail.screenplay import act

from listen_server.simulator.platform.info import Server
from listen_server.voicemail import leaving

PLAYS: Final = sorted((Path(__file__).parent / "screenplays").glob("*.txt"))
PLAYS_BY_NAME: Final = {play.stem: play for play in PLAYS}
WAYS: Final[tuple[tuple[Transport, Server], ...]] = (("http", "new"), ("ws", "new"))
OLD: Final[tuple[tuple[Transport, Server], ...]] = (("http", "old"), ("ws", "old"))


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    """One server for all screenplays."""
    folder = tmp_path_factory.mktemp("server")
    async with machine(folder, voicemail={"end_on_silence": 2.0}) as made:
        yield made


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.stem)
async def test_a_caller_hears_what_the_screenplay_says(
    server: Machine, tmp_path: Path, play: Path
) -> None:
    await act_all(play, server, tmp_path, WAYS)


@pytest.mark.parametrize("play", ["recorded_again"])
async def test_servers_that_write_camel_case_are_served_as_well(
    server: Machine, tmp_path: Path, play: str
) -> None:
    await act_all(PLAYS_BY_NAME[play], server, tmp_path, OLD)


async def test_who_says_nothing_is_asked_again_however_long_the_recording_takes_to_be_there(
    server: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "_GLANCE", 0.0)

    await act_all(PLAYS_BY_NAME["silent"], server, tmp_path, WAYS[:1])


async def test_a_recording_that_another_server_has_is_waited_for(
    server: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "_GLANCE", 0.0)
    monkeypatch.setattr(server.plugin.fates, "kept", lambda _ticket: None)  # as over there

    await act_all(PLAYS_BY_NAME["a_message_is_left"], server, tmp_path, WAYS[:1])


async def act_all(
    play: Path, server: Machine, folder: Path, ways: tuple[tuple[Transport, Server], ...]
) -> None:
    """Act a screenplay in several ways at once."""
    text = await asyncio.to_thread(play.read_text)
    async with asyncio.TaskGroup() as all_ways:
        for transport, kind in ways:
            own = folder / f"{transport}-{kind}"
            await asyncio.to_thread(own.mkdir)
            all_ways.create_task(act(text, server, own, transport, kind))

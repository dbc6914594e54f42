"""Fetching messages by phone: the screenplays in owners/, over webhooks and over the websocket."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from stored_messages import speech
from voicemail.machine import PATH, machine
from voicemail_theatre import CHEAP, SCHEMES, Scheme, Theatre, act, opened

from listen_server.simulator.platform import Played, reaching
from listen_server.voicemail.listening import Listening
from listen_sinks.voicemail.pins import Pins

README = Path(__file__).parents[2] / "listen_server/voicemail/README.md"
PLAYS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "owners").glob("*.txt"))
}


@pytest.fixture(scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """One server for all screenplays."""
    async with opened(tmp_path_factory.mktemp("theatre")) as theatre:
        yield theatre


@pytest.fixture(autouse=True)
def nothing_comes_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time jump at once: the application sends no commands that are to be waited for."""
    monkeypatch.setattr(reaching, "GRACE", 0.0)


@pytest.mark.parametrize("play", list(PLAYS))
async def test_an_owner_hears_what_the_screenplay_says(
    theatre: Theatre, tmp_path: Path, play: str
) -> None:
    async with asyncio.TaskGroup() as both:
        for scheme in SCHEMES:
            both.create_task(act(PLAYS[play], theatre, tmp_path, scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_the_owner_hears_is_what_the_caller_has_said(
    tmp_path: Path, scheme: Scheme
) -> None:
    said = tmp_path / "said.wav"
    await asyncio.to_thread(soundfile.write, said, speech(3)[0], 8000)
    async with machine(tmp_path) as server:
        number, box = await server.box()
        secret = await asyncio.to_thread(server.plugin.number_secret)
        await Pins(server.plugin.database, secret, cost=CHEAP).set(
            box.id, "4711", must_change=False
        )
        left = await server.call(
            number, f"recording speak {said}", "+0.2 press #", transport=scheme
        )
        await server.messages(box.id)

        fetched = await server.call(
            *(number, 'hears "your PIN" press 4711#', 'hears "main menu"+1 press *'),
            transport=scheme,
            path=f"{PATH}/owner",
            from_=number,
        )

    assert left.refusals == fetched.refusals == ()
    (played,) = [sound for sound in fetched.heard if isinstance(sound, Played)]
    assert np.array_equal(played.pcm, left.streams[0].pcm)
    assert "from 1 5 5 5 0 1 0 0 0 0 1, today at" in str(fetched.screenplay)


def test_the_readme_lists_every_key_of_a_message() -> None:
    section = README.read_text(encoding="utf-8").partition("| at a message |")[2]
    rows = section.partition("\n\n")[0].splitlines()
    listed = [set(re.findall("`(.)`", row.split("|")[1])) for row in rows if "`" in row]

    keys = set().union(*listed)

    assert keys == {*Listening.KEYS, "0", "*"}
    assert len(keys) == sum(map(len, listed))

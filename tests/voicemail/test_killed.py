"""`kill -9` in the middle of a call: who answers next goes on, and the message is there once."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from mailbox_contents import contents, voicemail
from stored_messages import speech
from ulid import ULID
from voicemail.machine import PATH, TENANT
from voicemail.mortal import Mortal

from listen_server.credentials import CredentialStore, NewCredential
from listen_server.simulator.platform import AppAddress, Order, Played, Said, place
from listen_server.simulator.platform.script import read_script
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key

NUMBER = "+15550200001"


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> None:
    """Let the world stop while a server is killed and started: no time passes for the call."""


@pytest.fixture
async def prepared(tmp_path: Path) -> NewCredential:
    """Make a mailbox that offers review."""
    async with voicemail(tmp_path / "data") as plugin:
        secret = await asyncio.to_thread(plugin.number_secret)
        tenant = await ensure_tenant(plugin.database, TENANT)
        hashed = number_key(secret, tenant.salt).mailbox(NUMBER)
        key = await create_key(await plugin.root.provider(), str(ULID()))
        wants: dict[str, Any] = {"review": True}
        await add_mailbox(plugin.database, TENANT, key, addresses=[hashed], settings=wants)
    return CredentialStore(tmp_path / "data").add(TENANT)


@pytest.mark.parametrize(("transport", "asked"), [("http", f"{PATH}/rev"), ("ws", "/rev")])
async def test_a_call_survives_a_server_that_is_killed_at_every_step(
    tmp_path: Path, prepared: NewCredential, transport: str, asked: str
) -> None:
    spoken = tmp_path / "spoken.wav"
    soundfile.write(spoken, speech(2.0)[0], 8000, subtype="PCM_16")
    script = [
        f"recording speak {spoken}",
        "recording+30 press 5",  # the server has all that was said, and is killed
        'hears "press 3" press 2',
        'hears "press 3" press 1',
    ]
    dies = ["says 'Nobody can take", "presses 5", "says 'To keep", f"asks {asked}"]
    mortal = Mortal(tmp_path / "data", dies)

    mortal.start()
    try:
        app = AppAddress(
            url=f"{transport}://127.0.0.1:{mortal.port}{PATH}",
            username=prepared.credential.user,
            password=prepared.secret,
        )
        order = Order(app=app, to=NUMBER, script=read_script(script), audio=None)
        outcome = await place(order, mortal.watch)
    finally:
        mortal.kill()

    said = "\n".join(str(line) for line in outcome.screenplay.lines)
    assert (mortal.deaths, mortal.dies) == (4, []), said
    # what was asked over a socket that is gone gets no answer: the call goes on without a review
    lost = ["the socket was closed"] if transport == "ws" else []
    assert [str(refusal) for refusal in outcome.refusals] == lost, said
    (kept,) = (await contents(tmp_path / "data")).values()
    (stream,), wanted = outcome.streams, speech(2.0)
    assert kept.audio is not None
    assert np.array_equal(kept.audio[:, : wanted.shape[1]], wanted)
    assert np.array_equal(kept.audio, stream.pcm[:, : kept.audio.shape[1]])
    assert (kept.outcome, kept.state) == ("interrupted", "new")
    played = [one.pcm for one in outcome.heard if isinstance(one, Played)]
    assert len(played) == (0 if lost else 1)
    assert all(np.array_equal(pcm, kept.audio) for pcm in played)
    (*_, last) = [one.text for one in outcome.heard if isinstance(one, Said)]
    assert last == "Thank you. Your message is kept. Goodbye."

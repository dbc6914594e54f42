"""From the caller's mouth to the owner's ear: what was said is what is heard, sample by sample."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import select
from stored_messages import speech
from voicemail.machine import PATH, Transport, machine

from listen_server.simulator.platform import Played, Said
from listen_sinks.voicemail.index.schema import AuditRow
from listen_sinks.voicemail.pins import Cost, Pins


@pytest.mark.parametrize("transport", ["http", "ws"])
async def test_an_owner_hears_exactly_what_the_caller_said(
    tmp_path: Path, transport: Transport
) -> None:
    spoken = tmp_path / "spoken.wav"
    await asyncio.to_thread(soundfile.write, spoken, speech(2.0)[0], 8000, subtype="PCM_16")
    async with machine(tmp_path / "data") as made:
        number, box = await made.box(profile={"name": "Grace"})
        secret = await asyncio.to_thread(made.plugin.number_secret)
        pins = Pins(made.plugin.database, secret, cost=Cost(8, 1, 1))
        await pins.set(box.id, "4711", must_change=False)

        caller = await made.call(
            *(number, f"recording speak {spoken}", "recording+0.5 press #"), transport=transport
        )
        (left,) = await made.messages(box.id)
        owner = await made.call(
            *("+15550300001", "asked press 4711#", 'hears "/audio/"+9 press *'),
            transport=transport,
            path=f"{PATH}/owner",
            from_=number,
        )
        (heard,) = await made.messages(box.id)
        async with made.plugin.database.reading() as session:
            rows = await session.scalars(select(AuditRow).where(AuditRow.subject == box.id))
            verbs = [(row.actor, row.verb) for row in rows]

    said = "\n".join(str(line) for line in owner.screenplay.lines)
    assert owner.refusals == caller.refusals == (), said
    (stream,) = caller.streams
    played = [one for one in owner.heard if isinstance(one, Played)]
    assert np.array_equal(played[0].pcm, stream.pcm), said
    assert np.array_equal(played[0].heard_pcm, stream.pcm), said
    texts = [one.text for one in owner.heard if isinstance(one, Said)]
    assert "New messages: 1." in " ".join(texts)
    assert texts[-1] == "Goodbye."
    assert (left.state, heard.state) == ("new", "heard")
    assert verbs.count((f"phone:{box.id}", "use-key")) == 1  # said and played, it is opened once

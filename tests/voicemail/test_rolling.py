"""A server is replaced while callers are in the middle of it: nobody hears of that.

What jambonz reaches is a link, as a load balancer is one: new connections go to whichever server it
is set to, those that are there stay.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bucket import Link
from harness import until
from mailbox_contents import contents
from stored_messages import speech
from voicemail.machine import PATH, Machine, machine

from listen_server.server.drain import DrainState
from listen_server.simulator.platform import Line, Outcome, Said
from listen_sinks.voicemail.pins import Cost, Pins

PIN = "826513"
THANKS = "Thank you. Your message is kept. Goodbye."
FETCHES = (f'hears "PIN" press {PIN}#', 'hears "message 1" press 2', 'hears "is saved" press *')


@dataclass
class Rolling:
    """Two servers with one store, the link in front of them, and the older one's end."""

    older: Machine
    newer: Machine
    link: Link
    moment: str = "nothing"
    """How a line of the screenplay begins at which the older server is told to end."""
    patience: float = 60.0  # seconds that calls may last then
    switches: bool = True
    """Whether whoever comes after that finds the newer one."""
    seen: list[str] = field(default_factory=list)

    def watch(self, line: Line) -> None:
        """Replace the older server, if this is the moment."""
        self.seen.append(str(line))
        if line.what.startswith(self.moment):
            self.older.server.drain.begin(self.patience)
            if self.switches:
                self.link.to = self.newer.server.port

    async def call(self, number: str, *lines: str, owner: bool = False) -> Outcome:
        """Call by websocket, and do what the lines say."""
        app = self.older.app("ws", f"{PATH}/owner" if owner else PATH)
        app = replace(app, url=app.url.replace(str(self.older.server.port), str(self.link.port)))
        more = {"from_": number} if owner else {}
        return await Machine.call_at(app, number, *lines, shown=self.watch, **more)

    async def box(self) -> str:
        """Make a mailbox with a PIN, which both servers know."""
        number, box = await self.older.box()
        plugin = self.older.plugin
        secret = await asyncio.to_thread(plugin.number_secret)
        await Pins(plugin.database, secret, cost=Cost(8, 1, 1)).set(box.id, PIN, must_change=False)
        await self.newer.refresh()
        return number


@pytest.fixture
async def rolling(tmp_path: Path) -> AsyncIterator[Rolling]:
    """The older server is reached."""
    async with AsyncExitStack() as opened:
        older = await opened.enter_async_context(machine(tmp_path / "data"))
        newer = await opened.enter_async_context(machine(tmp_path / "data"))
        link = Link(older.server.port)
        await link.start()
        opened.push_async_callback(link.stop)
        yield Rolling(older, newer, link)


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """What the caller says."""
    file = tmp_path / "spoken.wav"
    soundfile.write(file, speech(2.0)[0], 8000, subtype="PCM_16")
    return file


def said(outcome: Outcome) -> list[str]:
    """Return what was heard in words."""
    return [one.text for one in outcome.heard if isinstance(one, Said)]


@pytest.mark.parametrize("moment", ["says 'Nobody can take", "speaks"])
async def test_a_caller_is_heard_to_the_end_by_the_server_that_is_replaced(
    rolling: Rolling, tmp_path: Path, spoken: Path, moment: str
) -> None:
    number = await rolling.box()
    rolling.moment = moment

    outcome = await rolling.call(number, f"recording speak {spoken}", "recording+3 press #")

    assert [str(one) for one in outcome.refusals] == [], "\n".join(rolling.seen)
    assert said(outcome)[-1] == THANKS
    await until(lambda: rolling.older.server.drain.state is DrainState.STOPPING)
    await until(lambda: not rolling.older.plugin.shipping.waiting)
    (kept,) = (await contents(tmp_path / "data")).values()
    assert kept.outcome == "complete"
    assert kept.audio is not None
    wanted = speech(2.0)
    assert np.array_equal(kept.audio[:, : wanted.shape[1]], wanted)


async def test_an_owner_goes_on_at_the_server_that_is_replaced(rolling: Rolling) -> None:
    number = await rolling.box()
    await rolling.call(number, "recording+2 press #")
    rolling.moment = "says 'New messages"

    outcome = await rolling.call(number, *FETCHES, owner=True)

    assert [str(one) for one in outcome.refusals] == [], "\n".join(rolling.seen)
    assert said(outcome)[-1] == "Goodbye."
    await until(lambda: rolling.older.server.drain.state is DrainState.STOPPING)


async def test_an_owner_who_is_longer_than_that_goes_on_at_the_next_server(
    rolling: Rolling,
) -> None:
    number = await rolling.box()
    await rolling.call(number, "recording+2 press #")
    rolling.moment, rolling.patience = "says 'New messages", 0.0

    outcome = await rolling.call(number, *FETCHES, owner=True)

    seen = "\n".join(rolling.seen)
    assert "is reached again: session:reconnect" in seen
    assert [str(one) for one in outcome.refusals] == [], seen
    assert said(outcome)[-1] == "Goodbye.", seen


async def test_who_calls_while_a_server_drains_leaves_the_message_with_the_next(
    rolling: Rolling, tmp_path: Path
) -> None:
    number = await rolling.box()
    stays = asyncio.create_task(rolling.call(number, "recording+3 press #"))
    await until(lambda: rolling.older.server.app.busy)
    rolling.older.server.drain.begin(60.0)
    rolling.moment = "drops its socket"  # it was turned away, and comes again

    outcome = await rolling.call(number, "recording+2 press #")
    await stays

    assert rolling.older.server.app.busy == 0
    assert [str(one) for one in outcome.refusals] == [], "\n".join(rolling.seen)
    assert said(outcome)[-1] == THANKS
    await until(lambda: not rolling.older.plugin.shipping.waiting)
    await until(lambda: not rolling.newer.plugin.shipping.waiting)
    assert len(await contents(tmp_path / "data")) == 2


async def test_where_no_other_server_is_there_who_was_greeted_is_still_recorded(
    rolling: Rolling, tmp_path: Path
) -> None:
    number = await rolling.box()
    rolling.moment, rolling.switches = "says 'Nobody can take", False

    outcome = await rolling.call(number, "recording+2 press #")

    assert [str(one) for one in outcome.refusals] == [], "\n".join(rolling.seen)
    assert said(outcome)[-1] == THANKS
    assert len(await contents(tmp_path / "data")) == 1

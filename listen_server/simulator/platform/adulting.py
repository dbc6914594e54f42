"""A leg that dial has connected becomes a call of its own, beside the one that dialled it.

Source: `doAdulting` in lib/utils/place-outdial.js and lib/session/adulting-call-session.js of
jambonz-feature-server 0.9.8. running.py plays it.
"""

import asyncio
from typing import Final

from listen_server.jambonz.verbs import Verb
from listen_server.simulator.platform.screenplay import Line, Screenplay
from listen_server.simulator.platform.script import Script
from listen_server.simulator.platform.session import Session


class _Aside(Screenplay):
    """The lines of another call, in the screenplay of the first."""

    def __init__(self, play: Screenplay, of: str) -> None:
        super().__init__()
        self._play = play
        self._of: Final = of

    def write(self, at: float, who: str, what: str) -> None:
        """Add a line, with whose it is."""
        self.lines.append(Line(at, who, what))
        if who == "CALLER":
            self._play.write(at, self._of, what)
        else:
            self._play.write(at, who, f"[{self._of}] {what}")


def grow_up(session: Session, verbs: list[Verb]) -> None:
    """Take the connected leg out of its dial, and execute verbs on it until it hangs up."""
    from listen_server.simulator.platform.commanding import take_command  # noqa: PLC0415 - below
    from listen_server.simulator.platform.running import Run  # noqa: PLC0415 - it runs this, too

    info, detach = session.child, session.detach
    if info is None or detach is None:
        return
    ends = detach()
    clock = session.clock
    grown = Session(
        info,
        Script(),
        clock,
        _Aside(session.play, info.to),
        status_hook=session.status_hook,
        audio=session.audio,
        basic=session.basic,
    )
    grown.refusals = session.refusals
    grown.answered = clock.now
    reach = session.transport.grown(
        lambda message: take_command(grown, message), lambda what: grown.write("APP", what)
    )

    def hang_up(over: asyncio.Future[None]) -> None:
        if not over.cancelled():
            grown.end("caller", "hangs up")

    async def play() -> None:
        over = clock.at(ends)
        over.add_done_callback(hang_up)
        try:
            await Run(grown, reach).grown(verbs, session.info)
            session.grown.extend(grown.grown)
        finally:
            over.cancel()

    session.grown.append(asyncio.create_task(play()))

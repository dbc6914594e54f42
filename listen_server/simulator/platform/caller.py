"""The caller, who acts out the cues of a script.py; session.py has the call."""

import asyncio
from typing import Final

from listen_server.simulator.platform.script import Cue, HangUp, Press, Script, Speak
from listen_server.simulator.platform.session import Session

PATIENCE: Final = 600.0  # seconds after which any caller hangs up
_KEY: Final = 0.3  # seconds from one key to the next


class Caller:
    """Acts out cues; at their end the caller waits, and hangs up out of patience."""

    def __init__(self, session: Session, script: Script, *, patience: float = PATIENCE) -> None:
        self._session = session
        self._cues = script.cues
        self._patience = patience

    async def run(self) -> None:
        """Act until the call is gone, or the patience is."""
        acting = asyncio.create_task(self._act())
        over = self._session.clock.at(self._patience)
        waiting: set[asyncio.Future[None]] = {acting, over}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                acting.result()
                await over
        finally:
            acting.cancel()
            over.cancel()
        self._session.end("caller", "hangs up, out of patience")

    async def _act(self) -> None:
        for cue in self._cues:
            await self._wait_for(cue)
            if self._session.gone:
                return
            await self._do(cue)

    async def _wait_for(self, cue: Cue) -> None:
        clock = self._session.clock
        if cue.when == "asked":
            await self._session.asked.wait()
        if cue.when == "at":
            await clock.at(cue.seconds)
        elif cue.seconds:
            await clock.after(cue.seconds)

    async def _do(self, cue: Cue) -> None:
        session = self._session
        match cue.what:
            case HangUp():
                session.end("caller", "hangs up")
            case Press(keys):
                for number, key in enumerate(keys):
                    if number:
                        await session.clock.after(_KEY)
                    session.write("CALLER", f"presses {key}")
                    for hears in tuple(session.keys):
                        hears(key)
                    await asyncio.sleep(0)
            case Speak(text, seconds):
                session.write("CALLER", f"says {text!r}")
                for begins in tuple(session.speaking):
                    begins()
                await session.clock.after(seconds)
                for ears in tuple(session.ears):
                    ears(text)

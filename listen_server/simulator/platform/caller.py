"""The caller, who acts out the cues of a script.py; session.py has the call."""

import asyncio
from typing import Final

from listen_server.simulator.platform.referring import refer, sip_request
from listen_server.simulator.platform.script import (
    Cue,
    HangUp,
    Press,
    Refer,
    Script,
    Send,
    Speak,
    SpeakFile,
)
from listen_server.simulator.platform.session import Session

PATIENCE: Final = 600.0  # seconds after which any caller hangs up
_KEY: Final = 0.3  # seconds from one key to the next


class Caller:
    """Acts out cues; at their end the caller waits, and hangs up out of patience."""

    def __init__(self, session: Session, script: Script, *, patience: float = PATIENCE) -> None:
        self._session = session
        self._cues = script.cues
        self._patience = patience
        self._since = 0  # of what is heard: what the line before was not too late for

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
            self._since = len(self._session.hearing.all)
            await self._do(cue)

    async def _wait_for(self, cue: Cue) -> None:
        session, clock = self._session, self._session.clock
        match cue.when:
            case "asked":
                await session.asked.wait()
            case "recording":
                await session.recording.wait()
            case "hears":
                await session.hearing.reached(cue.phrase, self._since)
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
            case Refer(to):
                session.beside(refer(session, to))
            case Send(method, body):
                session.beside(sip_request(session, method, body))
            case Speak(text, seconds):
                await self._speak(text, seconds)
            case SpeakFile(file, text):
                with session.clock.held():
                    seconds = await session.speak(file)
                await self._speak(text, seconds, file.name)

    async def _speak(self, text: str, seconds: float, file: str = "") -> None:
        session = self._session
        said = f"speaks {file}{f' ({text})' if text else ''}" if file else f"says {text!r}"
        session.write("CALLER", said)
        if text:
            for begins in tuple(session.speaking):
                begins()
        await session.clock.after(seconds)
        if text:
            for ears in tuple(session.ears):
                ears(text)

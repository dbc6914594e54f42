"""A simulated call from its first message to its last: session.py is what it is by then.

The order of things is that of `exec` in lib/session/call-session.js of jambonz-feature-server
0.9.8; verbs/ knows how each verb is executed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from listen_server.jambonz.verbs import Config, Hangup, SipDecline, Verb
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.reaching import Reach
from listen_server.simulator.platform.rules import Refusal, name_of, read_application
from listen_server.simulator.platform.scope import Stopped
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs import execute
from listen_server.simulator.platform.voices import APPLICATION_VOICE

_FATAL: Final = ("redirect",)  # verbs whose hook must be answered with an application
_DEFAULTS: Final = {
    "synthesizer": {
        "vendor": APPLICATION_VOICE.vendor,
        "language": APPLICATION_VOICE.language,
        "voice": APPLICATION_VOICE.name,
    },
    "recognizer": {"vendor": "google", "language": "en-US"},
}


class Run:
    """One call, played to its end; a leg that becomes a call of its own has one, too."""

    def __init__(self, session: Session, transport: Reach) -> None:
        self._session = session
        session.transport = transport
        transport.call_sid = session.info.call_sid

    async def whole(self) -> None:
        """Fetch the application, execute it, and end the call."""
        self._session.write("CALLER", "calls")
        await self._through(self._fetch)

    async def grown(self, verbs: list[Verb], parent: CallInfo) -> None:
        """Execute verbs on a leg that was dialled, and end its call (`doAdulting`)."""

        async def begin() -> bool:
            session = self._session
            session.tasks.extend(verbs)
            session.write("JAMBONZ", "is a call of its own: session:adulting")
            told = {**session.info.payload(), "parentCallInfo": parent.payload()}
            try:
                with session.clock.held():
                    await session.transport.grow(told)
            except Refusal as refusal:  # the platform only logs it
                session.write("JAMBONZ", f"goes on without an answer: {refusal}")
            return True

        await self._through(begin)

    async def _through(self, begin: Callable[[], Awaitable[bool]]) -> None:
        session = self._session
        telling = asyncio.create_task(session.tell_all())
        try:
            if await begin():
                await self._execute_all()
            self._tasks_done()
        finally:
            session.whole.stop("hangup")
            await session.wait_for_besides()
            try:
                await self._finish(telling)
            finally:
                await session.files.close()
                await session.transport.close()

    async def _finish(self, telling: asyncio.Task[None]) -> None:
        told = asyncio.create_task(self._session.all_told())
        await asyncio.wait({told, telling}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            telling.cancel()
        told.cancel()
        await asyncio.gather(told, telling, return_exceptions=True)
        failed = None if telling.cancelled() else telling.exception()
        for error in [*self._session.failed, *([failed] if failed else [])]:
            raise error

    async def _fetch(self) -> bool:
        session = self._session
        told = {**session.info.payload(), "sip": session.info.invite(), "defaults": _DEFAULTS}
        session.write("JAMBONZ", "asks for the application")
        try:
            with session.clock.held():
                verbs = read_application(await session.transport.begin(told))
            if not verbs:
                raise Refusal("not empty", "no application provided")  # noqa: TRY301 - as any other
        except Refusal as refusal:
            session.refuse(refusal)
            session.write("JAMBONZ", "ends the call with 480")
            session.gone = True
            return False
        session.show_answer(verbs)
        session.tasks.extend(verbs)
        session.status("trying", 100, "Trying")
        return True

    async def _execute_all(self) -> None:
        session = self._session
        while True:
            while session.tasks and not session.gone:
                if not await self._execute(session.tasks.popleft()):
                    return
            if session.gone or not session.transport.lasting:
                return
            await session.commands_or_hangup()

    async def _execute(self, verb: Verb) -> bool:
        """Execute one verb; False if the call cannot go on after it."""
        session = self._session
        session.scope, session.current = session.whole.inside(), verb
        self._verb_status(verb, "starting")
        try:
            self._check_preconditions(verb)
            await execute(session, verb, session.scope)
        except Stopped:
            pass
        except Refusal as refusal:
            session.refuse(refusal)
            if name_of(verb) in _FATAL:
                return False
        finally:
            session.current = None
        self._verb_status(verb, "finished")
        return True

    def _check_preconditions(self, verb: Verb) -> None:
        answered = self._session.answered is not None
        if isinstance(verb, SipDecline) and answered:
            raise Refusal("unanswered", "sip:decline: final sip status already sent")
        if isinstance(verb, Hangup) and not answered:
            raise Refusal("answered", "hangup: call was not answered")

    def _tasks_done(self) -> None:
        session = self._session
        if session.gone:
            return
        if session.answered is None:
            session.gone = True
            session.write("JAMBONZ", "declines the call with 603: no verb has answered it")
            return
        session.end("jambonz", "has nothing left to do, and hangs up")

    def _verb_status(self, verb: Verb, event: str) -> None:
        session = self._session
        if session.switches.notify_events and not isinstance(verb, Config):
            told = {"event": event, "id": verb.id, "name": name_of(verb)}
            session.tell("verb:status", "/status", told)

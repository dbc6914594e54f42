"""One simulated call: it fetches the application and executes its verbs, one after the other.

verbs/ knows how each is executed, hooks.py how the application is asked, commanding.py what a
command changes, caller.py what the caller does. The order of things is that of
lib/session/call-session.js in jambonz-feature-server 0.9.8.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from listen_server.jambonz.verbs import Config, Hangup, SipDecline, Verb
from listen_server.simulator.clip import CLIP
from listen_server.simulator.handshake import Credential
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.hooks import Hooks
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.rules import Refusal, name_of, read_application
from listen_server.simulator.platform.scope import Reason, Scope, Stopped
from listen_server.simulator.platform.screenplay import Screenplay
from listen_server.simulator.platform.script import Script
from listen_server.simulator.platform.stream import Stream
from listen_server.simulator.platform.transport import Hook, Kind, Transport

_FATAL: Final = ("redirect",)  # verbs whose hook must be answered with an application
_DEFAULTS: Final = {
    "synthesizer": {"vendor": "google", "language": "en-US", "voice": "en-US-Standard-C"},
    "recognizer": {"vendor": "google", "language": "en-US"},
}


@dataclass(slots=True)
class Switches:
    """What commands and verbs have switched on the call."""

    muted: bool = False
    conference_muted: bool = False
    """Whether those in the conference who are no moderators are muted."""
    held: bool = False
    recording: str = "off"
    tracks: set[str] = field(default_factory=set)
    notify_events: bool = False


class Session(Hooks):
    """The call, as jambonz has it. `run` plays it to its end."""

    def __init__(
        self,
        info: CallInfo,
        script: Script,
        clock: Clock,
        play: Screenplay,
        *,
        status_hook: str | None = None,
        audio: Path = CLIP,
        basic: Credential | None = None,
    ) -> None:
        super().__init__(info, clock, play, status_hook)
        self.script: Final = script
        self.audio: Final = audio
        self.basic: Final = basic
        self.tasks: deque[Verb] = deque()
        self.current: Verb | None = None
        self.scope = Scope(clock)
        self.whole = Scope(clock)
        """Stops when the call is gone."""
        self.switches = Switches()
        self.answered: float | None = None
        self.early = False
        self.gone = False
        self.asked = asyncio.Event()
        """Set while a gather waits for the caller."""
        self.keys: list[Callable[[str], None]] = []
        """Who hears keys."""
        self.ears: list[Callable[[str], None]] = []
        """Who hears speech."""
        self.speaking: list[Callable[[], None]] = []
        """Who hears that speech begins."""
        self.stream: Stream | None = None
        """The stream of the current listen or dial, which a command can pause."""
        self.background: Stream | None = None
        """The stream of config."""
        self.child: CallInfo | None = None
        """The leg that dial has connected."""
        self.in_conference = False
        self.hold_hook: Callable[[Hook | None], None] | None = None
        self._news = asyncio.Event()
        self._beside: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    # The call ------------------------------------------------------------------------------

    async def run(self, transport: Transport) -> None:
        """Fetch the application, execute it, and end the call."""
        self.transport = transport
        transport.call_sid = self.info.call_sid
        self.write("CALLER", "calls")
        telling = asyncio.create_task(self.tell_all())
        try:
            if await self._fetch():
                self.status("trying", 100, "Trying")
                await self._execute_all()
            self._tasks_done()
        finally:
            self.whole.stop("hangup")
            if self._beside:
                await asyncio.wait(self._beside)
            await self._finish(telling)
            await transport.close()

    async def _finish(self, telling: asyncio.Task[None]) -> None:
        told = asyncio.create_task(self.all_told())
        await asyncio.wait({told, telling}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            telling.cancel()
        told.cancel()
        await asyncio.gather(told, telling, return_exceptions=True)
        failed = None if telling.cancelled() else telling.exception()
        for error in [*self._failed, *([failed] if failed else [])]:
            raise error

    async def _fetch(self) -> bool:
        told = {**self.info.payload(), "sip": self.info.invite(), "defaults": _DEFAULTS}
        self.write("JAMBONZ", "asks for the application")
        try:
            with self.clock.held():
                verbs = read_application(await self.transport.begin(told))
            if not verbs:
                raise Refusal("not empty", "no application provided")  # noqa: TRY301 - as any other
        except Refusal as refusal:
            self.refuse(refusal)
            self.write("JAMBONZ", "ends the call with 480")
            self.gone = True
            return False
        self.show_answer(verbs)
        self.tasks.extend(verbs)
        return True

    async def _execute_all(self) -> None:
        while True:
            while self.tasks and not self.gone:
                if not await self._execute(self.tasks.popleft()):
                    return
            if self.gone or not self.transport.lasting:
                return
            await self._commands_or_hangup()

    async def _execute(self, verb: Verb) -> bool:
        """Execute one verb; False if the call cannot go on after it."""
        from listen_server.simulator.platform.verbs import execute  # noqa: PLC0415 - they know it

        name = name_of(verb)
        self.scope, self.current = self.whole.inside(), verb
        self._verb_status(verb, "starting")
        try:
            self._check_preconditions(verb)
            await execute(self, verb, self.scope)
        except Stopped:
            pass
        except Refusal as refusal:
            self.refuse(refusal)
            if name in _FATAL:
                return False
        finally:
            self.current = None
        self._verb_status(verb, "finished")
        return True

    def _check_preconditions(self, verb: Verb) -> None:
        if isinstance(verb, SipDecline) and self.answered is not None:
            raise Refusal("unanswered", "sip:decline: final sip status already sent")
        if isinstance(verb, Hangup) and self.answered is None:
            raise Refusal("answered", "hangup: call was not answered")

    async def _commands_or_hangup(self) -> None:
        self.write("JAMBONZ", "has no verbs left, and waits")
        while not self.tasks and not self.gone and self.transport.lasting:
            self._news.clear()
            news = asyncio.ensure_future(self._wait_for_news())
            try:
                await self.whole.until(news)
            except Stopped:
                return
            finally:
                news.cancel()

    async def _wait_for_news(self) -> str:
        await self._news.wait()
        return "news"

    def _tasks_done(self) -> None:
        if self.gone:
            return
        if self.answered is None:
            self.gone = True
            self.write("JAMBONZ", "declines the call with 603: no verb has answered it")
            return
        self.end("jambonz", "has nothing left to do, and hangs up")

    # What verbs and commands do ------------------------------------------------------------

    def answer(self) -> None:
        """Answer the call, unless it is."""
        if self.answered is None and not self.gone:
            self.answered = self.clock.now
            self.write("JAMBONZ", "answers the call")
            self.status("in-progress", 200, "OK")

    def media(self, *, early: bool) -> None:
        """Connect the audio: by an answer, or by early media if the call has none."""
        if self.answered is not None:
            return
        if not early:
            self.answer()
        elif not self.early:
            self.early = True
            self.write("JAMBONZ", "opens early media (183)")
            self.status("early-media", 183, "Session Progress")

    def end(self, by: str, what: str) -> None:
        """End the call."""
        if self.gone:
            return
        self.gone = True
        self.write(by.upper(), what)
        self.info.ended_by = by
        if self.answered is None:
            self.status("no-answer", 487, "Request Terminated")
        else:
            self.info.duration = round(self.clock.now - self.answered)
            self.status("completed", 200, "OK")
        self.stop_all("hangup")
        self.whole.stop("hangup")

    def stop_all(self, reason: Reason) -> None:
        """Stop the current verb and forget those after it."""
        self.tasks.clear()
        self.scope.stop(reason)

    def replace(self, verbs: list[Verb]) -> None:
        """Execute other verbs from now on."""
        if self.gone:
            return
        self.tasks = deque(verbs)
        if self.current is not None:
            self.scope.stop("replaced")
        self.stir()

    def stir(self) -> None:
        """Let a call that waits for commands look again."""
        self._news.set()

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something while the verb goes on."""
        task = asyncio.create_task(self._unless_stopped(work))
        self._beside.add(task)
        task.add_done_callback(self._has_ended)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Stopped:
            return
        except Refusal as refusal:
            self.refuse(refusal)

    async def act(self, verb: Verb, hook: Hook | None, results: Mapping[str, Any]) -> bool:
        """Ask the action hook of a verb; tell whether it has brought other verbs.

        Source: lib/tasks/task.js, performAction.
        """
        if hook is None:
            return False
        told = {**results, **({"verb_id": verb.id} if verb.id else {})}
        replaced = self.scope.reason == "replaced"
        kind: Kind = "session:redirect" if name_of(verb) == "redirect" else "verb:hook"
        try:
            verbs = await self.ask(kind, hook, told)
        except Refusal as refusal:
            if name_of(verb) == "gather":
                self.report("invalid actionHook response", str(refusal))
            raise
        if verbs and not replaced and not self.gone:
            self.replace(verbs)
            return True
        return False

    def _verb_status(self, verb: Verb, event: str) -> None:
        if self.switches.notify_events and not isinstance(verb, Config):
            told = {"event": event, "id": verb.id, "name": name_of(verb)}
            self.tell("verb:status", "/status", told)

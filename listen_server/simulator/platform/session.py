"""One simulated call, as jambonz has it: what it is doing, and what verbs and commands do to it.

running.py plays it, verbs/ knows how each verb is executed, hooks.py how the application is asked,
commanding.py what a command changes, caller.py what the caller does. Source:
lib/session/call-session.js in jambonz-feature-server 0.9.8.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from listen_server.jambonz.verbs import Recognizer, Verb
from listen_server.simulator.clip import CLIP
from listen_server.simulator.handshake import Credential
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.hooks import Hooks
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.rules import Refusal, name_of
from listen_server.simulator.platform.scope import Reason, Scope, Stopped
from listen_server.simulator.platform.screenplay import Screenplay
from listen_server.simulator.platform.script import Script
from listen_server.simulator.platform.senses import Senses
from listen_server.simulator.platform.stream import Stream
from listen_server.simulator.platform.transport import Hook, Kind
from listen_server.simulator.platform.voices import APPLICATION_VOICE, Voice


@dataclass(slots=True)
class Switches:
    """What commands and verbs have switched on the call."""

    muted: bool = False
    conference_muted: bool = False
    """Whether those in the conference who are no moderators are muted."""
    held: bool = False
    recording: str = "off"
    records_at_answer: bool = False
    language: str = "en-US"
    """Of the recogniser."""
    voice: Voice = APPLICATION_VOICE
    tracks: set[str] = field(default_factory=set)
    notify_events: bool = False


class Session(Hooks, Senses):
    """The call, as jambonz has it."""

    def __init__(
        self,
        info: CallInfo,
        script: Script,
        clock: Clock,
        play: Screenplay,
        *,
        status_hook: Hook | None = None,
        audio: Path | None = CLIP,
        basic: Credential | None = None,
    ) -> None:
        Hooks.__init__(self, info, clock, play, status_hook)
        Senses.__init__(self, clock, None if script.has_speech else audio)
        self.script: Final = script
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
        self.stream: Stream | None = None
        """The stream of the current listen or dial, which a command can pause."""
        self.background: Stream | None = None
        """The stream of config."""
        self.background_scopes: dict[str, Scope] = {}
        """What config has started beside the verbs, by its name, but for the stream."""
        self.child: CallInfo | None = None
        """The leg that dial has connected."""
        self.detach: Callable[[], float] | None = None
        """Takes that leg out of the dial, and returns when it hangs up."""
        self.grown: list[asyncio.Task[None]] = []
        """Legs that have become calls of their own."""
        self.queue_hook: Hook | None = None
        """The account's hook for events of queues."""
        self.refer_hook: Hook | None = None
        self.sip_hook: Hook | None = None
        self.hears_sip = False
        """Whether requests of the caller are heard: since an answer after the hook was set."""
        self.in_conference = False
        self.hold_hook: Callable[[Hook | None], None] | None = None
        self._news = asyncio.Event()
        self._beside: set[asyncio.Task[None]] = set()
        self.failed: list[BaseException] = []
        """Errors of ours in what was done beside."""

    async def commands_or_hangup(self) -> None:
        """Wait for what the application commands, or the end."""
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

    def language(self, recognizer: Recognizer | None) -> str:
        """Return what a recogniser of a verb understands."""
        own = recognizer.language if recognizer is not None else None
        return self.switches.language if own in (None, "default") else str(own)

    def has_leg(self, call_sid: str) -> bool:
        """Whether the call, or the leg that dial has connected, has this name."""
        return call_sid in (self.info.call_sid, self.child.call_sid if self.child else "")

    def answer(self) -> None:
        """Answer the call, unless it is."""
        if self.answered is None and not self.gone:
            self.answered = self.clock.now
            self.hears_sip = self.sip_hook is not None
            self.write("JAMBONZ", "answers the call")
            self.status("in-progress", 200, "OK")
            if self.switches.records_at_answer:
                self.switches.recording = "on"
                self.write("JAMBONZ", "recording is on")

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

    async def wait_for_besides(self) -> None:
        """Wait for the end of everything that was done beside."""
        if self._beside:
            await asyncio.wait(self._beside)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(error)

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

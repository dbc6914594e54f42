"""conference: wait for it to start, enter it, and leave it; commands mute and hold in it.

Source: lib/tasks/conference.js of jambonz-feature-server 0.9.8.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from listen_server.jambonz.verbs import Conference
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.script import Room
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.transport import Hook
from listen_server.simulator.platform.verbs.prompts import perform
from listen_server.simulator.platform.verbs.streams import stream

_SILENCE: Final = 0.75  # seconds before each round of the wait hook


async def conference(session: Session, verb: Conference, scope: Scope) -> None:
    """Wait, enter, stay until it ends, and ask the hook."""
    session.media(early=False)
    meeting = _Meeting(session, verb, session.script.rooms.get(verb.name) or Room())
    try:
        await meeting.wait(scope)
        await meeting.attend(scope)
    except Stopped:
        meeting.leave()
    if not meeting.is_full:
        await session.act(verb, verb.action_hook, {})


class _Meeting:
    """The conference, as this caller is in it."""

    def __init__(self, session: Session, verb: Conference, room: Room) -> None:
        self._session = session
        self._verb = verb
        self._room = room
        self._members = room.members
        self._inside = False
        self.is_full = False
        self._began = session.clock.now
        self._held: Scope | None = None

    async def wait(self, scope: Scope) -> None:
        """Wait for the start, with what the wait hook says."""
        session, verb, room = self._session, self._verb, self._room
        if room.members or verb.start_conference_on_enter:
            if not room.members:
                self._tell("start")
            return
        session.write("JAMBONZ", f"lets the caller wait for the conference {verb.name}")
        inside = scope.inside()
        playing = asyncio.create_task(self._play_again(verb.wait_hook, inside, _SILENCE))
        try:
            await scope.until(seconds=room.starts)
        finally:
            inside.stop()
            await asyncio.wait({playing})
        self._members += 1

    async def attend(self, scope: Scope) -> None:
        """Be in it until it ends for this caller."""
        session, verb = self._session, self._verb
        if session.sip_hook is not None:
            session.hears_sip = True
        if verb.enter_hook is not None:
            await self._play(verb.enter_hook, scope)
        most = verb.max_participants or 0
        if 1 < most <= self._members:
            # the media server lets nobody in and says nothing, and `join` of drachtio-fsmrf waits
            self.is_full = True
            session.write("JAMBONZ", f"waits before the conference {verb.name}, which is full")
            await scope.until()
        self._inside = session.in_conference = True
        session.hold_hook = lambda hook: self._hold(hook, scope)
        self._members += 1
        session.write("JAMBONZ", f"lets the caller into the conference {verb.name}")
        self._tell("join")
        if verb.beep:
            session.write("JAMBONZ", "beeps")
        inside = scope.inside()
        streaming = None
        if verb.listen is not None:
            metadata = verb.listen.metadata or {}
            streaming = asyncio.create_task(stream(session, verb.listen, inside, metadata))
        try:
            await scope.until(seconds=self._room.ends)
            session.write("JAMBONZ", f"ends the conference {verb.name}")
            self._members = 1
        finally:
            inside.stop()
            if streaming is not None:
                await asyncio.wait({streaming})
        self.leave()

    def leave(self) -> None:
        """Take the caller out, if they are in."""
        if not self._inside:
            return
        session = self._session
        self._inside = session.in_conference = False
        session.hold_hook = None
        session.switches.muted = session.switches.held = False
        self._members -= 1
        self._tell("leave")
        if not self._members or self._verb.end_conference_on_exit:
            self._tell("end")

    def _tell(self, event: str) -> None:
        """Tell the status hook, if it wants that event."""
        session, verb = self._session, self._verb
        if verb.status_hook is None or event not in (verb.status_events or []):
            return
        told: dict[str, Any] = {
            "event": event,
            "duration": session.clock.now - self._began,
            "members": self._members,
            "conferenceSid": f"conf:{session.info.account_sid}:{verb.name}",
            "friendlyName": verb.name,
        }
        session.write("JAMBONZ", f"tells of the conference: {event}, members={self._members}")
        told = {**session.info.payload(), **told, "time": datetime.now(UTC).isoformat()}
        session.tell("verb:hook", verb.status_hook, told)

    def _hold(self, hook: Hook | None, scope: Scope) -> None:
        """Play a hook while the caller is held; None takes them off hold."""
        if self._held is not None:
            self._held.stop()
            self._held = None
        if hook is not None:
            self._held = scope.inside()
            self._session.beside(self._hold_round(hook, self._held))

    async def _hold_round(self, hook: Hook, scope: Scope) -> None:
        await self._play_again(hook, scope, 0.0)

    async def _play_again(self, hook: Hook | None, scope: Scope, silence: float) -> None:
        with suppress(Stopped):
            while hook is not None:
                await scope.sleep(silence)
                if not await self._play(hook, scope):
                    return

    async def _play(self, hook: Hook, scope: Scope) -> bool:
        """Play what a hook says; False if it says nothing, or what is not taken."""
        try:
            verbs = await self._session.ask("verb:hook", hook, {}, place="conference wait")
        except Refusal as refusal:
            self._session.refuse(refusal)
            return False
        await perform(self._session, verbs, scope)
        return bool(verbs)

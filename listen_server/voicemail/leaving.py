"""Leaving a message: greeting, tone, recording, review, goodbye. A mixin of applications.py.

    caller_called -> /greeted -> (stream) -> /left -> /settled -> /reviewed -> ...

Every answer is a whole conversation to its end (visit.py): should this server die, jambonz goes on
with it.
"""

import asyncio
import time
from functools import cached_property
from typing import Final

from listen_server.jambonz import (
    Call,
    CallStatusChanged,
    Dialled,
    Gathered,
    Hangup,
    Listened,
    Transcribed,
    hook,
    notice,
)
from listen_server.jambonz.verbs import Verb
from listen_server.stream import ONLY_SILENCE
from listen_server.voicemail.base import VoicemailApplication
from listen_server.voicemail.found import Found
from listen_server.voicemail.others_words import Heard
from listen_server.voicemail.replacing import LEAST, Replacing
from listen_server.voicemail.state import State
from listen_server.voicemail.visit import (
    GREETED,
    LEFT,
    OPERATED,
    REVIEWED,
    SETTLED,
    WORDS,
    Visit,
)
from listen_sinks.voicemail.index.records import Message

OPERATOR, OWNER = "0", "*"
"""Keys in the greeting."""
TAKES: Final = 5
"""Recordings of one call that are offered for review."""
_GLANCE: Final = 1.0  # seconds to see whether a recording was kept, where none is reviewed
_SLACK: Final = 2.0  # seconds that a recording in which nothing was said goes on behind its silence
_KEPT: Final = "operator, message kept"  # steps
_NONE: Final = "operator"


class LeavingHooks(VoicemailApplication):
    """A caller in front of a mailbox."""

    @cached_property
    def words(self) -> Heard:
        """What jambonz understands."""
        return Heard(self.desk)

    @cached_property
    def replacing(self) -> Replacing:
        """What is recorded again."""
        return Replacing(self.desk)

    async def ask_pin(self, call: Call, found: Found, *said: str) -> list[Verb]:
        """Ask for the PIN of the dialled mailbox: pin_flow.py."""
        raise NotImplementedError

    async def caller_called(self, call: Call) -> list[Verb]:
        """Greet, and record; or say why not."""
        desk = self.desk
        found = desk.dialled(call)
        if found is None:
            return self.good_bye(desk.voice().say("unknown_number"))
        state = State(tenant=found.tenant, mailbox=found.mailbox)
        visit = Visit(desk, call, state, found, await desk.profile(found))
        if found.full:
            return visit.refused("full")
        if desk.plugin.unavailable():
            return visit.refused("away")
        return visit.greeted(await desk.greeting(call, found, visit.profile))

    @hook(GREETED)
    async def greeted(self, call: Call, told: Gathered) -> list[Verb] | None:
        """Take a key of the greeting; any other than two of them goes on to the tone.

        Where there is none, it has cut off the reason, which is said again then.
        """
        if not told.digits or call.told.ended:
            return None
        visit = await self._visit(call)
        if visit is None:
            return None
        if told.digits == OWNER and self.desk.settings.retrieval:
            return await self.ask_pin(call, visit.found)
        if told.digits == OPERATOR and visit.operator:
            return visit.calling(visit.operator, _NONE)
        return visit.good_bye(visit.refusal) if visit.refusal else None

    @hook(LEFT)
    async def left(self, call: Call, told: Listened) -> list[Verb] | None:
        """See what came of a recording."""
        visit = await self._visit(call)
        if visit is None:
            return self.good_bye(self.desk.voice().say("ended"))
        state, seconds = visit.state, told.dial_call_duration
        self.words.ended(state.ticket)
        if call.told.ended:
            self.replacing.follow(state.tenant, state.ticket, state.replaces)
            return None
        if seconds is None:
            return self._not_streamed(visit)
        longest = seconds >= visit.max_seconds and not told.digits
        return await self._settle(visit, "longest" if longest else None, told)

    @hook(SETTLED)
    async def settled(self, call: Call) -> list[Verb] | None:
        """See once more."""
        visit = await self._visit(call)
        if visit is None:
            return self.good_bye(self.desk.voice().say("ended"))
        return await self._settle(visit, None)

    @hook(REVIEWED)
    async def reviewed(self, call: Call, told: Gathered) -> list[Verb] | None:
        """Do what the caller wants with the message; without a key it is kept."""
        visit = await self._visit(call)
        if visit is None or not told.digits or call.told.ended:
            return None
        state = visit.state
        match told.digits:
            case "1":  # keep
                return visit.good_bye("thanks")
            case "2" if state.message:  # hear
                return visit.heard(state.message)
            case "3" if state.tries < TAKES - 1:  # record again
                again = visit.having(tries=state.tries + 1, failed=0, replaces=state.message)
                return again.recording(visit.voice.say("record_again"))
            case "0" if visit.operator:  # somebody
                return visit.calling(visit.operator, _KEPT)
            case _:
                return visit.review()

    @hook(OPERATED)
    async def operated(self, call: Call, told: Dialled) -> list[Verb] | None:
        """Go on after the operator, or without one."""
        visit = await self._visit(call)
        if visit is None or told.dial_call_status == "completed" or call.told.ended:
            return [Hangup()]
        if visit.state.step == _KEPT:
            return visit.good_bye("operator_away_kept")
        if visit.found.full or self.desk.plugin.unavailable():
            return visit.good_bye("full" if visit.found.full else "away")
        return visit.recording(visit.voice.say("operator_away"), *visit.announced())

    @notice(WORDS)
    async def heard(self, call: Call, told: Transcribed) -> None:
        """Take what jambonz understands of the recording that is on."""
        final = told.speech.is_final if told.speech else told.is_final
        visit = await self._visit(call)
        if visit is None or visit.state.ticket is None or final is False or not told.transcript:
            return
        given = told.speech.language_code if told.speech else None
        language = given or visit.voice.language or "und"
        self.words.hear(visit.found, visit.state.ticket, told.transcript, language)

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        """Let go of what was recorded again, if the caller has hung up while doing so."""
        state = self.state(call) if status.ended else None
        if state is not None:
            self.words.ended(state.ticket)
            self.replacing.follow(state.tenant, state.ticket, state.replaces)
        await super().on_status(call, status)

    async def settle(self) -> None:
        """Finish what nobody waits for."""
        await super().settle()
        await asyncio.gather(self.words.settle(), self.replacing.settle())

    async def _visit(self, call: Call) -> Visit | None:
        began, state = time.monotonic(), self.state(call)
        found = self.desk.mailbox_for(state.tenant, state.mailbox) if state else None
        if state is None or found is None:
            return None
        return Visit(self.desk, call, state, found, await self.desk.profile(found), began)

    def _not_streamed(self, visit: Visit) -> list[Verb]:
        """Record once more, with a new pass: the stream did not come about."""
        if visit.state.message:
            return visit.good_bye("thanks")
        if visit.state.failed:
            return visit.good_bye("away")
        return visit.having(failed=1).recording(visit.voice.say("once_more"))

    async def _settle(
        self, visit: Visit, said: str | None, told: Listened | None = None
    ) -> list[Verb]:
        """Wait for what came of a recording, and go on by it."""
        state = visit.state
        wait = min(self._patience(visit, told), visit.seconds_left)
        message = await self.desk.message(state.tenant, state.ticket or "", wait)
        if message is None:
            return self._not_seen(visit, told.dial_call_duration if told else None)
        if message.outcome == "failed":  # some of it is there
            return self._not_streamed(visit)
        if message.state == "discarded":
            return self._discarded(visit, message)
        if message.reason == ONLY_SILENCE:
            return await self._silent(visit, message)
        return await self._kept(visit, message, said)

    def _patience(self, visit: Visit, told: Listened | None) -> float:
        """Return for how long is waited: for a glance, unless something depends on the message."""
        wants, given = visit.found.settings, self.desk.settings
        if wants.review or wants.min_seconds or told is None:
            return given.review_wait
        if told.dial_call_duration and self.desk.plugin.fates.kept(visit.state.ticket) is None:
            return given.review_wait  # another server has the stream: only the index knows
        longest = given.end_on_silence + _SLACK
        silent = not told.digits and (told.dial_call_duration or 0) <= longest
        return given.review_wait if silent else min(given.review_wait, _GLANCE)

    async def _kept(self, visit: Visit, message: Message, said: str | None) -> list[Verb]:
        """Let go of what was recorded before, and offer the message for review."""
        state = visit.state
        if state.replaces and state.replaces != message.id:
            if state.message and message.seconds < LEAST:  # a key too many, and no new message
                await self.replacing.drop(state.tenant, message.id)
                return visit.having(step="review", replaces=None, failed=0).review()
            await self.replacing.drop(state.tenant, state.replaces)
        before = [said] if said else []
        if not visit.found.settings.review:
            return visit.good_bye(*before, "thanks")
        kept = visit.having(step="review", message=message.id, replaces=None, failed=0)
        return kept.review(*map(visit.voice.say, before))

    def _not_seen(self, visit: Visit, seconds: float | None) -> list[Verb]:
        """Go on while the index says nothing: nobody is told of a message that is not kept."""
        state, kept = visit.state, self.desk.plugin.fates.kept(visit.state.ticket)
        if kept is False or (kept is None and seconds == 0):
            return self._not_streamed(visit)
        if visit.found.settings.review and state.step != "settling":
            return visit.waiting()
        self.replacing.follow(state.tenant, state.ticket, state.replaces)
        return visit.good_bye("thanks" if kept or state.message else "ended")

    def _discarded(self, visit: Visit, message: Message) -> list[Verb]:
        state = visit.state
        if "full" in message.reason:
            return visit.good_bye("full_kept" if state.message else "full")
        if state.failed:
            return visit.good_bye("thanks" if state.message else "too_short_again")
        return visit.having(failed=1).recording(visit.voice.say("too_short"))

    async def _silent(self, visit: Visit, message: Message) -> list[Verb]:
        """Ask for more than silence, which is kept only if there is nothing better."""
        state = visit.state
        if state.replaces:
            await self.replacing.drop(state.tenant, message.id)
        if state.failed:
            return visit.good_bye("thanks" if state.message else "nothing_heard_again")
        again = visit.having(failed=1, replaces=state.replaces or message.id)
        return again.recording(visit.voice.say("nothing_heard"))

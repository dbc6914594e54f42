"""The greeting, by phone: heard, recorded, kept, taken back. main_menu.py sends the caller here.

    listen with a pass for a greeting -> its message by the ticket -> review -> the mailbox names it

One that is recorded and not kept is named by no mailbox, and goes with housekeeping.
"""

from collections.abc import Mapping
from typing import Final

from listen_server.jambonz import Call, Gathered, Listened, Redirect, hook
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.owner_base import OwnerRoom
from listen_server.voicemail.owner_turn import Turn
from listen_sinks.voicemail.greetings import Which
from listen_sinks.voicemail.index.errors import UnknownMessage, WrongState
from listen_sinks.voicemail.index.records import Message

GREETING: Final = "/owner/greeting"
RECORDED: Final = "/owner/recorded"
ARRIVING: Final = "/owner/arriving"
REVIEW: Final = "/owner/review"
_WHICH: Final[Mapping[str, Which]] = {
    "2": "greeting",
    "3": "greeting",
    "4": "temporary_greeting",
    "5": "temporary_greeting",
}
_KEYS: Final[Mapping[str, str]] = {"#": "hash_key", "*": "star_key"}  # sentences that name them
_WAIT: Final = 2.0  # seconds that a hook waits for the recording
_WAITS: Final = 5  # times that it does
_LONGEST: Final = 120.0  # seconds of a greeting


class GreetingFlow(OwnerRoom):
    """Changes what callers hear."""

    async def greeting_menu(self, turn: Turn, *said: str) -> list[Verb]:
        """Offer what can be done."""
        return turn.ask(GREETING, *said, turn.text("greeting_menu"))

    @hook(GREETING)
    async def owner_greeting(self, call: Call, answer: Gathered) -> list[Verb]:
        """Do what a key says."""

        async def act(turn: Turn) -> list[Verb]:
            match answer.digits:
                case "1":
                    return await self._hear(turn)
                case "2" | "4" as key:
                    return self._record(turn.but(which=_WHICH[key]))
                case "3" | "5" as key:
                    return await self._take_back(turn, _WHICH[key])
                case "0":
                    return await self.main_menu(turn)
                case "*":
                    return turn.good_bye(turn.text("owner_goodbye"))
            return await self.greeting_menu(turn, _unknown(turn, answer))

        return await self.taking(call, answer.digits, act)

    @hook(RECORDED)
    async def owner_recorded(self, call: Call, answer: Listened) -> list[Verb]:
        """Wait for what was recorded; without a duration there was no stream."""

        async def act(turn: Turn) -> list[Verb]:
            if answer.dial_call_duration is None:
                return await self.greeting_menu(turn, turn.text("greeting_lost"))
            return await self._wait(turn)

        return await self.taking(call, None, act, patient=True)

    @hook(ARRIVING)
    async def owner_arriving(self, call: Call) -> list[Verb]:
        """Wait for longer."""
        return await self.taking(call, None, self._wait, patient=True)

    @hook(REVIEW)
    async def owner_review(self, call: Call, answer: Gathered) -> list[Verb]:
        """Keep what was recorded, or not."""

        async def act(turn: Turn) -> list[Verb]:
            match answer.digits:
                case "1":
                    return await self._keep(turn)
                case "2":
                    return self._heard(turn)
                case "3":
                    return self._record(turn)
                case "0":
                    return await self.greeting_menu(turn, turn.text("greeting_unchanged"))
                case "*":
                    goodbye = turn.text("owner_goodbye")
                    return turn.good_bye(turn.text("greeting_unchanged"), goodbye)
            return self._review(turn, _unknown(turn, answer))

        return await self.taking(call, answer.digits, act)

    async def _hear(self, turn: Turn) -> list[Verb]:
        if turn.found is None:
            return await self.greeting_menu(turn)
        profile = await self.desk.profile(turn.found)
        prompt = await self.desk.greeting(turn.call, turn.found, profile)
        return [turn.say(turn.text("greeting_is")), prompt, *await self.greeting_menu(turn)]

    def _record(self, turn: Turn) -> list[Verb]:
        if turn.found is None:
            raise LookupError("a greeting is recorded for a mailbox")
        listen, ticket = self.desk.listen(
            turn.call, turn.found, kind="greeting", action_hook=RECORDED, max_seconds=_LONGEST
        )
        turn = turn.having(ticket=ticket).but(waits=0, recorded=None)
        key = listen.finish_on_key or ""
        spoken = turn.text(_KEYS[key]) if key in _KEYS else key
        return [turn.tag(), turn.say(turn.text("record_greeting", key=spoken)), listen]

    async def _wait(self, turn: Turn) -> list[Verb]:
        ticket = turn.state.ticket
        if ticket is None or turn.own.waits >= _WAITS:
            return await self.greeting_menu(turn, turn.text("greeting_lost"))
        found = await self.desk.message(turn.state.tenant, ticket, _WAIT)
        if found is None:
            turn = turn.but(waits=turn.own.waits + 1)
            says = turn.say(turn.text("greeting_wait"))
            return [turn.tag(), says, Redirect(action_hook=ARRIVING)]
        if not self._is_greeting(turn, found):
            return await self.greeting_menu(turn, turn.text("greeting_lost"))
        return self._review(turn.but(recorded=found.id))

    @staticmethod
    def _is_greeting(turn: Turn, found: Message) -> bool:
        own = found.mailbox == turn.state.mailbox and found.state == "greeting"
        return own and found.seconds > 0

    def _review(self, turn: Turn, *said: str) -> list[Verb]:
        return turn.ask(REVIEW, *said, turn.text("greeting_review"))

    def _heard(self, turn: Turn) -> list[Verb]:
        mailbox, recorded = turn.state.mailbox or "", turn.own.recorded or ""
        url = self.desk.audio_url(turn.call, turn.state.tenant, mailbox, recorded)
        return turn.ask(REVIEW, play=url)

    async def _keep(self, turn: Turn) -> list[Verb]:
        try:
            await self.owner(turn).set_greeting(turn.own.which, turn.own.recorded or "")
        except (UnknownMessage, WrongState):
            return await self.greeting_menu(turn, turn.text("greeting_lost"))
        kept = "greeting_kept" if turn.own.which == "greeting" else "temporary_kept"
        return await self.greeting_menu(turn.but(recorded=None), turn.text(kept))

    async def _take_back(self, turn: Turn, which: Which) -> list[Verb]:
        await self.owner(turn).set_greeting(which, None)
        if which == "greeting":
            return await self.greeting_menu(turn, turn.text("greeting_text"))
        await self._silence_temporary_text(turn)
        return await self.greeting_menu(turn, turn.text("temporary_off"))

    async def _silence_temporary_text(self, turn: Turn) -> None:
        profile = await self.desk.profile(turn.found) if turn.found else None
        if turn.found is not None and profile is not None and profile.temporary_greeting:
            found, nothing = turn.found, {"temporary_greeting": None}
            await self.desk.profiles.change(found.tenant, found.mailbox, nothing)


def _unknown(turn: Turn, answer: Gathered) -> str:
    return turn.text("no_such_key") if answer.digits else ""

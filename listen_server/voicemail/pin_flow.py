"""Who it is, and another PIN: the gate of the owner's conversation. main_menu.py is behind it.

What is said and done is the same whether a mailbox exists, has a PIN, is locked, or not: neither
words nor time tell. A PIN that is typed goes to `Pins` and nowhere else.
"""

import hmac
from typing import Final

from listen_server.jambonz import Call, Gathered, hook
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.found import Found
from listen_server.voicemail.owner_base import OwnerRoom
from listen_server.voicemail.owner_turn import Turn
from listen_server.voicemail.state import State
from listen_sinks.voicemail.pins import PinRefused, judge

NUMBER: Final = "/owner/number"
PIN: Final = "/owner/pin"
NEW: Final = "/owner/new-pin"
AGAIN: Final = "/owner/new-pin-again"
TRIES: Final = 3
"""So many in one call."""
_LONGEST_PIN: Final = 11  # keys: one more than a PIN can have, so that longer ones are wrong
_LONGEST_NUMBER: Final = 20
_CHANGING: Final = "changing the PIN"  # a step: the PIN was right, and nothing else is open yet
_STAR: Final = "*"


class PinFlow(OwnerRoom):
    """Lets in whoever says the PIN."""

    async def owner_called(self, call: Call) -> list[Verb]:
        """Answer a call to the number at which messages are fetched."""
        return await self.fetch(call)

    async def fetch(self, call: Call, *said: str) -> list[Verb]:
        """Ask who it is: the caller's number selects a mailbox, and opens none."""
        tenant = self.desk.tenant(call)
        found = self.desk.mailbox_for(tenant, call.told.from_)
        if found is not None:
            return await self.ask_pin(call, found, *said)
        return self._ask_number(self.stranger(call, State(tenant=tenant)), *said)

    async def ask_pin(self, call: Call, found: Found, *said: str) -> list[Verb]:
        """Ask for the PIN of a mailbox; where nothing is fetched by phone, say so."""
        if not self.desk.settings.retrieval:
            return self.good_bye(self.desk.voice().say("no_retrieval"))
        turn = self.stranger(call, State(tenant=found.tenant, mailbox=found.mailbox))
        return self._ask_pin(turn, *said)

    @hook(NUMBER)
    async def owner_number(self, call: Call, answer: Gathered) -> list[Verb]:
        """Take the number of a mailbox, which there may be or not."""

        async def act(turn: Turn) -> list[Verb]:
            if not answer.digits:
                return self._ask_number(turn)
            tenant, tries = turn.state.tenant, turn.state.tries
            found = self.desk.mailbox_for(tenant, answer.digits)
            mailbox = found.mailbox if found else None
            # All anew: what was opened before, if anything was, is another mailbox's.
            state = State(tenant=tenant, mailbox=mailbox, tries=tries)
            return self._ask_pin(self.stranger(call, state).but(typed=True))

        return await self.taking(call, answer.digits, act, owner=False)

    @hook(PIN)
    async def owner_pin(self, call: Call, answer: Gathered) -> list[Verb]:
        """Take a PIN."""

        async def act(turn: Turn) -> list[Verb]:
            if not answer.digits:
                return self._ask_pin(turn)
            return await self._tried(turn, answer.digits)

        return await self.taking(call, answer.digits, act, owner=False)

    async def new_pin(self, turn: Turn, *said: str) -> list[Verb]:
        """Ask for another PIN."""
        turn = turn.having(step=_CHANGING, tries=0)
        return turn.ask_more(NEW, *said, turn.text("ask_new_pin"), most=_LONGEST_PIN)

    @hook(NEW)
    async def owner_new_pin(self, call: Call, answer: Gathered) -> list[Verb]:
        """Take another PIN, for the first time."""

        async def act(turn: Turn) -> list[Verb]:
            typed = answer.digits or ""
            if turn.state.step != _CHANGING:
                return await self.fetch(call, turn.text("begin_again"))
            if not typed:
                return turn.ask_more(NEW, turn.text("ask_new_pin"), most=_LONGEST_PIN)
            if _STAR in typed:
                return await self._unchanged(turn)
            digest = self._digest(turn, typed)
            if turn.own.must and hmac.compare_digest(digest, turn.own.digest):
                return await self._another(turn, "pin_as_before")
            try:
                judge(typed)
            except PinRefused:
                return await self._another(turn, "pin_refused")
            return self._once_more(turn.but(first=digest))

        return await self.taking(call, answer.digits, act, owner=False)

    @hook(AGAIN)
    async def owner_new_pin_again(self, call: Call, answer: Gathered) -> list[Verb]:
        """Take it for the second time, and set it if it is the same."""

        async def act(turn: Turn) -> list[Verb]:
            first, typed = turn.own.first, answer.digits or ""
            if turn.state.step != _CHANGING or not first:
                return await self.fetch(call, turn.text("begin_again"))
            if not typed:
                return self._once_more(turn)
            if _STAR in typed:
                return await self._unchanged(turn)
            if not hmac.compare_digest(self._digest(turn, typed), first):
                return await self._another(turn, "pins_differ")
            return await self._changed(turn, typed)

        return await self.taking(call, answer.digits, act, owner=False)

    def _ask_number(self, turn: Turn, *said: str) -> list[Verb]:
        if not self.desk.settings.retrieval:
            return turn.good_bye(turn.text("no_retrieval"))
        return turn.ask_more(NUMBER, *said, turn.text("ask_number"), most=_LONGEST_NUMBER)

    def _ask_pin(self, turn: Turn, *said: str) -> list[Verb]:
        return turn.ask_more(PIN, *said, turn.text("ask_pin"), most=_LONGEST_PIN)

    async def _tried(self, turn: Turn, typed: str) -> list[Verb]:
        if typed == _STAR:  # it is another mailbox's owner
            return self._not_yet(turn.but(typed=True))
        mailbox = turn.state.mailbox or ""
        found = await self.owners.check(turn.state.tenant, mailbox, typed)
        if found.verdict != "right":
            return self._not_yet(turn, turn.text("not_right"))
        turn = turn.but(pin_set_at=found.set_at)
        if not found.must_change:
            return await self._let_in(turn)
        turn = turn.but(must=True, digest=self._digest(turn, typed))
        return await self.new_pin(turn, turn.text("must_change"))

    def _not_yet(self, turn: Turn, *said: str) -> list[Verb]:
        turn = turn.having(tries=turn.state.tries + 1)
        if turn.state.tries >= TRIES:
            return turn.good_bye(*said, turn.text("no_more_tries"))
        if turn.own.typed:
            return self._ask_number(turn.having(mailbox=None), *said)
        return self._ask_pin(turn, *said)

    def _once_more(self, turn: Turn) -> list[Verb]:
        return turn.ask_more(AGAIN, turn.text("ask_new_pin_again"), most=_LONGEST_PIN)

    async def _another(self, turn: Turn, why: str) -> list[Verb]:
        turn = turn.having(tries=turn.state.tries + 1).but(first="")
        if turn.state.tries >= TRIES:
            return await self._unchanged(turn, turn.text(why))
        return turn.ask_more(NEW, turn.text(why), turn.text("ask_new_pin"), most=_LONGEST_PIN)

    async def _changed(self, turn: Turn, typed: str) -> list[Verb]:
        set_at = turn.own.pin_set_at
        changed = await self.owner(turn).change_pin(typed, set_at) if set_at else None
        if changed is None:  # somebody else was faster: whoever is here has to know that one
            return await self.fetch(turn.call, turn.text("begin_again"))
        turn = turn.but(pin_set_at=changed)
        if turn.state.owner:
            return await self.main_menu(_unlocked(turn), turn.text("pin_changed"))
        return await self._let_in(turn, turn.text("pin_changed"))

    async def _unchanged(self, turn: Turn, *said: str) -> list[Verb]:
        if not turn.state.owner:
            return turn.good_bye(*said, turn.text("pin_unchanged"), turn.text("owner_goodbye"))
        return await self.main_menu(_unlocked(turn), *said, turn.text("pin_unchanged"))

    async def _let_in(self, turn: Turn, *said: str) -> list[Verb]:
        opened = await self.opened(_unlocked(turn))
        if opened is None:  # the mailbox has gone in this moment
            return turn.good_bye(turn.text("not_right"), turn.text("no_more_tries"))
        return await self.welcome(opened, *said)

    def _digest(self, turn: Turn, typed: str) -> str:
        """Return what two PINs are compared by. The state is sealed; this is sealed in it."""
        secret = self.desk.plugin.derive("voicemail new PIN") or b""
        said = f"{turn.call.sid}\0{typed}".encode("utf-8", "surrogatepass")
        return hmac.digest(secret, said, "sha256").hex()


def _unlocked(turn: Turn) -> Turn:
    """Return the turn with everything of the mailbox open, and nothing left of any PIN."""
    return turn.having(owner=True, step="open", tries=0).but(must=False, digest="", first="")

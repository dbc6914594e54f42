"""What every room of the owner's conversation stands on: who it is, and what is done in a fault.

Rooms send each other the caller: their doors are named here, and made in pin_flow.py,
main_menu.py, listening.py, greeting_flow.py and calling_back.py. fetching.py joins them.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cached_property
from typing import Final

import structlog

from listen_server.jambonz import Call
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.base import VoicemailApplication
from listen_server.voicemail.owner import Owner, Owners
from listen_server.voicemail.owner_turn import Own, Turn
from listen_server.voicemail.state import State
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.walking import Folder
from listen_sinks.voicemail.keys.provider import KeysAway, WrongKey

log = structlog.get_logger(__name__)
SILENCES: Final = 3
"""So often in a row no key comes, and the call ends."""


class OwnerRoom(VoicemailApplication):
    """A part of the conversation. Its hooks are below `/owner`."""

    clock: Callable[[], float] = staticmethod(time.time)
    """Unix time."""

    @cached_property
    def owners(self) -> Owners:
        """The store, as owners see it."""
        return Owners(self.desk.plugin, self.desk.store, self.desk.pin_tried)

    def owner(self, turn: Turn) -> Owner:
        """Return the view of whoever has said the PIN."""
        return self.owners.of(turn.state.tenant, turn.state.mailbox or "")

    async def taking(
        self,
        call: Call,
        keys: str | None,
        act: Callable[[Turn], Awaitable[list[Verb]]],
        *,
        owner: bool = True,
        patient: bool = False,
    ) -> list[Verb]:
        """Answer a hook: with what `act` says, or with what is said where it cannot be asked.

        `owner` is for what only comes after the PIN; `patient` where no key is an answer too.
        """
        try:
            turn = await self._turn(call, owner=owner)
            if turn is None:
                return await self._begin_again(call, keys)
            silent = 0 if keys else turn.own.silent + (not patient)
            if silent >= SILENCES:
                return turn.good_bye(turn.text("owner_goodbye"))
            return await act(turn.but(silent=silent))
        except (IndexAway, KeysAway, ObjectsAway, SinkError, WrongKey, TimeoutError) as error:
            log.warning("an owner was told to call again", error=type(error).__name__)
            return self.good_bye(self.desk.voice().say("store_away"))

    def may_call_back(self, turn: Turn) -> bool:
        """Tell whether anybody can be called back from this mailbox."""
        allowed = turn.found is not None and turn.found.settings.call_back
        return allowed and bool(self.desk.settings.call_back_prefixes)

    def stranger(self, call: Call, state: State) -> Turn:
        """Return the turn of somebody whose PIN has not been heard: the same voice for all."""
        own = Own.model_validate(dict(state.own))
        return Turn(call, state, own, self.desk.voice(), self.desk.states)

    async def opened(self, turn: Turn) -> Turn | None:
        """Return the turn of an owner, in the voice of the mailbox.

        None if that is gone, or has another PIN than the one that was said.
        """
        found = self.desk.mailbox_for(turn.state.tenant, turn.state.mailbox)
        if found is None or found.mailbox != turn.state.mailbox:
            return None
        if not await self.owners.is_pin(found.mailbox, turn.own.pin_set_at):
            return None
        voice = self.desk.voice(await self.desk.profile(found))
        return replace(turn, voice=voice, found=found)

    async def _turn(self, call: Call, *, owner: bool) -> Turn | None:
        state = self.state(call)
        if state is None or not self.desk.settings.retrieval:
            return None
        turn = self.stranger(call, state)
        if state.owner:
            return await self.opened(turn)
        return None if owner else turn

    async def _begin_again(self, call: Call, keys: str | None) -> list[Verb]:
        if not keys and self.state(call) is None:  # nothing comes back to us: not for ever
            return self.good_bye(self.desk.voice().say("owner_goodbye"))
        return await self.fetch(call, self.desk.voice().text("begin_again"))

    # The doors ---------------------------------------------------------------------------

    async def fetch(self, call: Call, *said: str) -> list[Verb]:
        """Ask who it is: pin_flow.py."""
        raise NotImplementedError

    async def welcome(self, turn: Turn, *said: str) -> list[Verb]:
        """Say what there is, and begin with what is new: main_menu.py."""
        raise NotImplementedError

    async def main_menu(self, turn: Turn, *said: str) -> list[Verb]:
        """Offer what can be done: main_menu.py."""
        raise NotImplementedError

    async def new_pin(self, turn: Turn, *said: str) -> list[Verb]:
        """Ask for another PIN: pin_flow.py."""
        raise NotImplementedError

    async def listen_to(self, turn: Turn, folder: Folder, *said: str) -> list[Verb]:
        """Begin with the first message of a folder: listening.py."""
        raise NotImplementedError

    async def at_message(self, turn: Turn, *said: str, deleted: bool = False) -> list[Verb]:
        """Say which keys there are at a message: listening.py."""
        raise NotImplementedError

    async def greeting_menu(self, turn: Turn, *said: str) -> list[Verb]:
        """Offer what can be done about the greeting: greeting_flow.py."""
        raise NotImplementedError

    async def call_back(self, turn: Turn, message: Message) -> list[Verb]:
        """Call whoever left a message: calling_back.py."""
        raise NotImplementedError

"""Messages by phone: said, played, saved, deleted, one after the other. README.md lists the keys.

    introduction --no key--> the message is played --no key--> the keys are said --> good-bye

The place in a folder is a message, so others may come and go. main_menu.py sends the caller here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import ClassVar, Final, TypeAlias

from listen_server.jambonz import Call, Gathered, hook
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.moments import caller, moment, zone
from listen_server.voicemail.owner_base import OwnerRoom
from listen_server.voicemail.owner_turn import Turn
from listen_sinks.voicemail.index.errors import OnHold, TooLate
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.walking import Folder

INTRODUCTION: Final = "/owner/introduction"
MESSAGE: Final = "/owner/message"
DELETED: Final = "/owner/deleted"
DELETES: Final = "3"
"""The key that deletes, and that takes back what the owner has heard to be deleted."""
STEP: Final = 10.0  # seconds that 7 goes back, and 9 forward
_PAUSE: Final = 0.5  # seconds between introduction and message
_UNDO: Final = 3.0  # seconds in which a deletion is taken back by the same key
_Act: TypeAlias = Callable[["Listening", Turn, Message], Awaitable[list[Verb]]]


class Listening(OwnerRoom):
    """Plays messages, and does with them what keys say."""

    async def listen_to(self, turn: Turn, folder: Folder, *said: str) -> list[Verb]:
        """Begin with the oldest message of a folder."""
        turn = turn.but(folder=folder, since=self.clock(), message=None)
        first = await self.owner(turn).after(None, folder, turn.since)
        if first is None:
            return await self.main_menu(turn, *said, turn.text(f"none_{folder}"))
        return await self._introduce(turn, first, *said)

    async def at_message(self, turn: Turn, *said: str, deleted: bool = False) -> list[Verb]:
        """Say which keys there are."""
        turn = turn.but(deleted=deleted)
        if deleted:
            return turn.ask(MESSAGE, *said, turn.text("keys_deleted"))
        calls = turn.text("keys_call_back") if self.may_call_back(turn) else ""
        return turn.ask(MESSAGE, *said, turn.text("keys"), calls)

    @hook(INTRODUCTION)
    async def owner_introduction(self, call: Call, answer: Gathered) -> list[Verb]:
        """Play the message after its introduction, or do what a key says."""

        async def act(turn: Turn) -> list[Verb]:
            if answer.digits:
                return await self._key(turn, answer.digits)
            return await self._play(turn, turn.own.offset)

        return await self.taking(call, answer.digits, act, patient=True)

    @hook(MESSAGE)
    async def owner_message(self, call: Call, answer: Gathered) -> list[Verb]:
        """Do what a key says, or say which there are."""

        async def act(turn: Turn) -> list[Verb]:
            if answer.digits:
                return await self._key(turn, answer.digits)
            message = await self._here(turn)
            if message is None:
                return await self._gone(turn)
            return await self.at_message(turn, deleted=message.state == "deleted")

        return await self.taking(call, answer.digits, act)

    @hook(DELETED)
    async def owner_deleted(self, call: Call, answer: Gathered) -> list[Verb]:
        """Take a deletion back, or go on."""

        async def act(turn: Turn) -> list[Verb]:
            if answer.digits:
                return await self._key(turn, answer.digits)
            return await self._next(turn)

        return await self.taking(call, answer.digits, act, patient=True)

    # What keys do --------------------------------------------------------------------------

    async def _key(self, turn: Turn, key: str) -> list[Verb]:
        if key == "*":
            return turn.good_bye(turn.text("owner_goodbye"))
        if key == "0":
            return await self.main_menu(turn)
        message = await self._here(turn)
        if message is None:
            return await self._gone(turn)
        turn = turn.but(offset=self._at(turn, message), playing_since=0.0)
        deleted = message.state == "deleted"
        told = turn.own.deleted if key == DELETES else deleted  # the same again does no more
        act = (self.KEYS_DELETED if told else self.KEYS).get(key)
        if act is None:
            return await self.at_message(turn, turn.text("no_such_key"), deleted=deleted)
        return await act(self, turn, message)

    async def _again(self, turn: Turn, _message: Message) -> list[Verb]:
        return await self._play(turn, 0.0)

    async def _save(self, turn: Turn, message: Message) -> list[Verb]:
        if await self.owner(turn).save(message.id) is None:
            return await self._gone(turn)
        return await self._next(turn, turn.text("saved"))

    async def _delete(self, turn: Turn, message: Message) -> list[Verb]:
        try:
            if await self.owner(turn).delete(message.id) is None:
                return await self._gone(turn)
        except OnHold:
            return await self.at_message(turn, turn.text("on_hold"))
        return turn.but(deleted=True).ask(DELETED, turn.text("deleted"), timeout=_UNDO)

    async def _undelete(self, turn: Turn, message: Message) -> list[Verb]:
        try:
            back = await self.owner(turn).undelete(message.id)
        except TooLate:
            return await self._next(turn, turn.text("too_late"))
        if back is None:
            return await self._gone(turn)
        if turn.own.folder == "deleted":
            return await self._next(turn, turn.text("undeleted"))
        return await self.at_message(turn, turn.text("undeleted"))

    async def _describe(self, turn: Turn, message: Message) -> list[Verb]:
        return await self._introduce(turn, message, offset=turn.own.offset)

    async def _before(self, turn: Turn, message: Message) -> list[Verb]:
        found = await self.owner(turn).before(message.id, turn.own.folder, turn.since)
        if found is None:
            return await self._introduce(turn, message, turn.text("first_of_list"))
        return await self._introduce(turn, found)

    async def _after(self, turn: Turn, _message: Message) -> list[Verb]:
        return await self._next(turn)

    async def _back(self, turn: Turn, _message: Message) -> list[Verb]:
        return await self._play(turn, max(0.0, turn.own.offset - STEP))

    async def _forward(self, turn: Turn, message: Message) -> list[Verb]:
        at = turn.own.offset + STEP
        if at >= message.seconds:
            return await self.at_message(turn.but(offset=message.seconds))
        return await self._play(turn, at)

    async def _call(self, turn: Turn, message: Message) -> list[Verb]:
        return await self.call_back(turn, message)

    KEYS: ClassVar[Mapping[str, _Act]] = {
        "1": _again,
        "2": _save,
        "3": _delete,
        "4": _before,
        "5": _describe,
        "6": _after,
        "7": _back,
        "8": _call,
        "9": _forward,
    }
    """What is done at a message, by key; 0 and `*` are the same everywhere."""
    KEYS_DELETED: ClassVar[Mapping[str, _Act]] = {
        "3": _undelete,
        "4": _before,
        "5": _describe,
        "6": _after,
    }
    """The same, at one that is deleted."""

    # What is said and played ---------------------------------------------------------------

    async def _introduce(
        self, turn: Turn, message: Message, *said: str, offset: float = 0.0
    ) -> list[Verb]:
        turn = turn.but(message=message.id, offset=offset, playing_since=0.0, deleted=False)
        now = datetime.fromtimestamp(self.clock(), UTC)
        when = moment(message.started_at, now, await self._zone(turn), turn.text)
        if message.state == "deleted":
            seconds = round(message.seconds)
            intro = turn.text("kind_deleted", seconds=seconds, moment=when)
            return await self.at_message(turn, *said, intro, deleted=True)
        envelope = await self.owner(turn).envelope(message)
        if envelope is None:
            return await self._gone(turn)
        kind = turn.text(f"kind_{message.state}")
        who = caller(envelope.number, turn.text)
        intro = turn.text("intro", kind=kind, caller=who, moment=when)
        return turn.ask(INTRODUCTION, *said, intro, timeout=_PAUSE)

    async def _play(self, turn: Turn, offset: float) -> list[Verb]:
        """Play the message; from here on it counts as heard."""
        message = await self.owner(turn).hear(turn.own.message or "")
        if message is None:
            return await self._gone(turn)
        turn = turn.but(offset=offset, playing_since=self.clock(), deleted=False)
        if message.state == "deleted":  # by somebody else, a moment ago
            return await self._introduce(turn, message)
        if not message.seconds:
            return await self.at_message(turn, turn.text("no_audio"))
        url = self.desk.audio_url(
            turn.call, message.tenant, message.mailbox, message.id, start=offset
        )
        return turn.ask(MESSAGE, play=url)

    async def _next(self, turn: Turn, *said: str) -> list[Verb]:
        found = await self.owner(turn).after(turn.own.message, turn.own.folder, turn.since)
        if found is None:
            return await self.main_menu(turn, *said, turn.text("end_of_list"))
        return await self._introduce(turn, found, *said)

    async def _gone(self, turn: Turn) -> list[Verb]:
        """Say that the message is not there any more, and go on with the one after it."""
        return await self._next(turn, turn.text("gone"))

    async def _here(self, turn: Turn) -> Message | None:
        return await self.owner(turn).find(turn.own.message) if turn.own.message else None

    def _at(self, turn: Turn, message: Message) -> float:
        """Return about how many seconds have been heard: jambonz does not say where a key came."""
        since = turn.own.playing_since
        played = max(0.0, self.clock() - since) if since else 0.0
        return min(turn.own.offset + played, message.seconds)

    async def _zone(self, turn: Turn) -> tzinfo:
        own = turn.found.settings.time_zone if turn.found else None
        return await asyncio.to_thread(zone, own, self.desk.settings.time_zone)

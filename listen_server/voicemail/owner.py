"""The owner's view of one mailbox, by phone: what there is, whom it is from, what is done with it.

fetching.py and its neighbours are the conversation. Nothing here sees another mailbox, and all
that is read, changed or refused is in the audit log as `phone:MAILBOX`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import structlog

from listen_sinks.voicemail.greetings import Which, set_greeting
from listen_sinks.voicemail.index.audit import AuditEvent, Result, Verb
from listen_sinks.voicemail.index.errors import OnHold, TooLate, UnknownMessage, WrongState
from listen_sinks.voicemail.index.messages import (
    change_state,
    delete_message,
    get_message,
    undelete_message,
)
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.walking import Folder, counts, step
from listen_sinks.voicemail.pins import PinCheck, Pins
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.store import MessageStore

log = structlog.get_logger(__name__)
_SHOWN: Final = (*KEPT, "deleted")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is said of a message before it."""

    message: Message
    number: str | None = field(repr=False)
    """Who called, as jambonz said it; None where that is not known, or does not open."""


class Owners:
    """What all owners share: the sink's store, and the PINs. Methods raise IndexAway, KeysAway."""

    def __init__(
        self,
        plugin: Voicemail,
        store: Callable[[], Awaitable[MessageStore]],
        tried: Callable[[PinCheck], None],
    ) -> None:
        """Take the sink that is, or will be, open, the desk's door to its messages, who counts."""
        self.plugin: Final = plugin
        self.store: Final = store
        self._tried = tried
        self._making = asyncio.Lock()
        self._pins: Pins | None = None

    async def pins(self) -> Pins:
        """Return the PINs."""
        async with self._making:
            if self._pins is None:
                secret = await self.plugin.in_thread(self.plugin.number_secret)
                self._pins = Pins(self.plugin.database, secret)
            return self._pins

    async def check(self, tenant: str, mailbox: str, pin: str) -> PinCheck:
        """Try a PIN, and take down that somebody did; `mailbox` is empty where there is none.

        The same is done whether there is one or not, so that the time tells nothing.
        """
        found = await (await self.pins()).check(mailbox, pin)
        right = found.verdict == "right"
        actor = f"phone:{mailbox}" if right else "phone"
        result: Result = "ok" if right else "refused"
        events = [AuditEvent("listen", actor, mailbox or tenant, result)]
        if found.locks:
            events.append(AuditEvent("lock", "phone", mailbox))
            unlock = f"listen-server mailboxes unlock {mailbox} --tenant {tenant}"
            log.warning("a PIN is locked: too many were wrong", mailbox=mailbox, fix=unlock)
        self._tried(found)
        await self.plugin.erasing.audit.note(self.plugin.database, *events)
        return found

    async def is_pin(self, mailbox: str, set_at: datetime | None) -> bool:
        """Tell whether the mailbox still has the PIN that was set then."""
        known = await (await self.pins()).state(mailbox)
        return known is not None and known.changed_at == set_at

    def of(self, tenant: str, mailbox: str) -> "Owner":
        """Return one owner's view."""
        return Owner(self, tenant, mailbox)


class Owner:
    """One mailbox, for whoever has said its PIN. Methods raise IndexAway, KeysAway.

    Those that take a message return None where the mailbox has it no more.
    """

    def __init__(self, owners: Owners, tenant: str, mailbox: str) -> None:
        self.tenant: Final = tenant
        self.mailbox: Final = mailbox
        self._owners = owners
        self._database = owners.plugin.database

    @property
    def actor(self) -> str:
        """Who does it, as the audit log has it."""
        return f"phone:{self.mailbox}"

    async def counts(self) -> tuple[int, int]:
        """Return how many messages are new, and how many are heard or saved."""
        return await counts(self._database, self.mailbox)

    async def after(self, message: str | None, folder: Folder, since: datetime) -> Message | None:
        """Return the next message of a folder, or its first."""
        return await step(self._database, self.mailbox, folder, since, after=message)

    async def before(self, message: str, folder: Folder, since: datetime) -> Message | None:
        """Return the message before."""
        return await step(self._database, self.mailbox, folder, since, before=message)

    async def find(self, message: str) -> Message | None:
        """Return a message, as it is now."""
        try:
            found = await get_message(self._database, self.tenant, message)
        except UnknownMessage:
            return None
        return found if found.mailbox == self.mailbox and found.state in _SHOWN else None

    async def envelope(self, message: Message) -> Envelope | None:
        """Return whom a message is from. What is deleted does not open."""
        if message.state == "deleted":
            return Envelope(message, None)
        store = await self._owners.store()
        try:
            described = await store.describe(self.tenant, message.id, actor=self.actor)
        except (UnknownMessage, WrongState):
            return None
        call = (described.meta or {}).get("call")
        number = call.get("from") if isinstance(call, dict) else None
        return Envelope(message, number if isinstance(number, str) else None)

    async def hear(self, message: str) -> Message | None:
        """Take down that a message is played: a new one is heard then."""
        found = await self.find(message)
        if found is None or found.state != "new":
            return found
        return await self._set(message, "heard")

    async def save(self, message: str) -> Message | None:
        """Save a message."""
        if await self.find(message) is None:
            return None
        saved = await self._set(message, "saved")
        if saved is not None:
            await self.note("change", message)
        return saved

    async def delete(self, message: str) -> Message | None:
        """Delete a message. Raises OnHold."""
        if await self.find(message) is None:
            return None
        try:
            found = await delete_message(
                self._database, self.tenant, message, now=datetime.now(UTC)
            )
        except OnHold:
            await self.note("delete", message, "refused")
            raise
        except (UnknownMessage, WrongState):
            return None
        await self.note("delete", message)
        return found

    async def undelete(self, message: str) -> Message | None:
        """Take a deletion back. Raises TooLate."""
        if await self.find(message) is None:
            return None
        try:
            found = await undelete_message(
                self._database, self.tenant, message, now=datetime.now(UTC)
            )
        except TooLate:
            await self.note("undelete", message, "refused")
            raise
        except (UnknownMessage, WrongState):
            return None
        await self.note("undelete", message)
        return found

    async def change_pin(self, pin: str, set_at: datetime) -> datetime | None:
        """Set another PIN in the place of the one that was set then, and return when this was.

        None, and nothing is changed, if that has been changed meanwhile. Raises PinRefused.
        """
        changed = await (await self._owners.pins()).replace(self.mailbox, pin, set_at)
        await self.note("change", self.mailbox, "ok" if changed else "refused")
        return changed

    async def set_greeting(self, which: Which, message: str | None) -> None:
        """Let callers hear a greeting, or none of this kind. Raises UnknownMessage, WrongState."""
        plugin = self._owners.plugin
        await set_greeting(
            *(plugin.database, plugin.erasing, plugin.objects),
            *(self.mailbox, which, message),
            actor=self.actor,
        )
        await self.note("change", self.mailbox)
        await plugin.mailboxes.look_again()  # the next caller hears it

    async def note(self, verb: Verb, subject: str, result: Result = "ok") -> None:
        """Write down what was done."""
        event = AuditEvent(verb, self.actor, subject, result)
        await self._owners.plugin.erasing.audit.note(self._database, event)

    async def _set(self, message: str, state: Literal["heard", "saved"]) -> Message | None:
        now = datetime.now(UTC)
        try:
            return await change_state(self._database, self.tenant, message, state, now)
        except (UnknownMessage, WrongState):
            return None

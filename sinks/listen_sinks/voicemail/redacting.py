"""Erasing a range of time from a message: FORMAT.md, section 9. resealing.py writes what stays.

    read part -> zeros in the range -> sealed anew, new key and salt -> stored
              -> index: new part in, old part out, old key destroyed -> old object deleted

The new object is in the store before the index knows it; a crash between leaves the old one right.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from ulid import ULID

from listen_sinks.objects import ObjectsAway, ObjectStore
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import IndexRefusal, OnHold, WrongState
from listen_sinks.voicemail.index.holds import refuse_held
from listen_sinks.voicemail.index.leases import claim_part, drop_lease
from listen_sinks.voicemail.index.mailbox_keys import get_key
from listen_sinks.voicemail.index.mailboxes import get_mailbox
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.records import Lease, Message, Receipt, ShippedPart
from listen_sinks.voicemail.index.redaction import next_part, replace_parts
from listen_sinks.voicemail.keys import PublicKey
from listen_sinks.voicemail.labels import part_name
from listen_sinks.voicemail.resealing import NotRedacted, Old, refuse, written_anew
from listen_sinks.voicemail.sealed import Refused
from listen_sinks.voicemail.silencing import Span
from listen_sinks.voicemail.store import MessageStore
from listen_sinks.voicemail.unlocking import NoKey

LEASE: Final = timedelta(days=1)
"""How long nobody else takes the numbers of parts that are being written."""
_TRIES: Final = 100


class Redacting:
    """Redacts messages. Methods raise KeysAway, IndexAway, ObjectsAway: try again then."""

    def __init__(self, store: MessageStore, objects: ObjectStore, erasures: Erasures) -> None:
        self._store = store
        self._objects = objects
        self._erasures = erasures
        self._database = erasures.database

    async def redact(self, tenant: str, message: str, span: Span, *, actor: str) -> Receipt:
        """Erase a range of a message; its objects are to be deleted then, as the receipt says.

        The sealed object is in memory meanwhile. Raises NotRedacted, and what
        index/redaction.py raises.
        """
        try:
            await refuse_held(self._database, tenant, message)
        except OnHold:
            await self._erasures.refused(actor, message)
            raise
        found = await get_message(self._database, tenant, message)
        olds = await self._olds(found, span, actor)
        leases: list[Lease] = []
        try:
            to = await self._public_key(found)
            new = [await self._stored(found, old, to, leases) for old in olds]
            numbers = [old.part.part for old in olds]
            return await replace_parts(
                self._erasures, tenant, message, numbers, new, actor=actor, leases=leases
            )
        except (IndexRefusal, ObjectsAway, NotRedacted):
            await self._undo(found, leases)
            raise

    async def _olds(self, message: Message, span: Span, actor: str) -> list[Old]:
        """Return the parts that have something of the range, and those of words alone."""
        olds: list[Old] = []
        at, heard = 0.0, 0
        parts = await list_parts(self._database, message.tenant, message.id)
        for part in (one for one in parts if one.ranges):
            audio = await self._store.open(message.tenant, message.id, actor=actor, part=part.part)
            refuse(message.id, audio.findings)
            if span.touches(at, at + audio.seconds):
                values = await self._values(message.id, part.part, actor)
                olds.append(Old(part, audio, span.moved(at), values))
            at, heard = at + audio.seconds, heard + 1
        if not olds:
            raise NotRedacted(f"message {message.id} is {at:.2f} s long: nothing is in that range")
        for part in (one for one in parts if not one.ranges):
            # Of a message in several pieces nobody knows which of them the words are of.
            values = await self._values(message.id, part.part, actor) if heard == 1 else {}
            olds.append(Old(part, None, span, values))
        return olds

    async def _values(self, message: str, part: int, actor: str) -> dict[str, bytes]:
        try:
            return await self._store.values(message, part, actor=actor)
        except (Refused, NoKey) as error:
            raise NotRedacted(f"message {message}, part {part}: {error}") from error

    async def _stored(
        self, message: Message, old: Old, to: PublicKey, leases: list[Lease]
    ) -> ShippedPart:
        lease = await self._claimed(message)
        leases.append(lease)
        part, sealed = await written_anew(message.id, message.mailbox, lease.part, to, old)
        for one in part.ranges:
            await self._objects.put(one.name, sealed)
        return part

    async def _claimed(self, message: Message) -> Lease:
        """Take a number that nobody else writes under: two objects of one name would be one."""
        first = await next_part(self._erasures, message.tenant, message.id)
        until = datetime.now(UTC) + LEASE
        for number in range(first, first + _TRIES):
            owner = str(ULID())  # never twice: not even this process may write it again
            if lease := await claim_part(self._database, message.id, number, owner, until):
                return lease
        raise WrongState(f"message {message.id} is being redacted by many others: try again later")

    async def _public_key(self, message: Message) -> PublicKey:
        mailbox = await get_mailbox(self._database, message.tenant, message.mailbox)
        key = await get_key(self._database, mailbox.id, mailbox.key_version)
        if key is None:
            raise NotRedacted(f"mailbox {mailbox.id} has no key any more")
        return key.public

    async def _undo(self, message: Message, leases: Sequence[Lease]) -> None:
        """Take away what was stored for nothing; what cannot be is found by a check."""
        for lease in leases:
            with suppress(ObjectsAway):
                await self._objects.delete(part_name(message.mailbox, message.id, lease.part))
            await drop_lease(self._database, lease)

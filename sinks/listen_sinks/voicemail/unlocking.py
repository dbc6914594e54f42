"""Message keys for who may read: a mailbox's private key from the provider, the envelope with it.

A private key stays in memory for a minute, so that a list of messages is one question to the
provider. Each time that one is unlocked is an entry in the audit log.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.mailbox_keys import get_key
from listen_sinks.voicemail.index.parts import get_message_key
from listen_sinks.voicemail.keys import KeyProvider, KeysAway, PrivateKey, WrongKey, unlock

KEPT: Final = 60.0  # seconds


class NoKey(Exception):  # noqa: N818 - a finding: what it would open stays closed
    """The key is destroyed, or is not the one that fits. Asking again does not help."""


class Unlocking:
    """Opens envelopes. Raises KeysAway, IndexAway and NoKey."""

    def __init__(
        self,
        database: Database,
        provider: KeyProvider | None,
        audit: AuditLog,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._provider = provider
        self._audit = audit
        self._clock = clock
        self._unlocked: dict[tuple[str, int], tuple[float, PrivateKey]] = {}

    async def message_key(self, message: str, part: int, *, actor: str) -> bytes:
        """Return the key of a part."""
        sealed = await get_message_key(self._database, message, part)
        if sealed is None:
            raise NoKey("its key is destroyed: nothing of it opens")
        private = await self._private(sealed.mailbox, sealed.key_version, actor)
        try:
            return private.open_envelope(sealed.envelope, message, part)
        except (WrongKey, ValueError) as error:
            raise NoKey(str(error)) from error

    async def _private(self, mailbox: str, version: int, actor: str) -> PrivateKey:
        now = self._clock()
        self._unlocked = {k: v for k, v in self._unlocked.items() if v[0] > now}
        # Asked even if it is in memory: somebody may have destroyed it since.
        key = await get_key(self._database, mailbox, version)
        if key is None:
            self._unlocked.pop((mailbox, version), None)
            raise NoKey(f"version {version} of the mailbox's key is destroyed: nothing of it opens")
        if found := self._unlocked.get((mailbox, version)):
            return found[1]
        if self._provider is None:
            raise KeysAway("keys: the root key is not here")
        try:
            private = await unlock(self._provider, key)
        except WrongKey as error:
            await self._note(actor, mailbox, failed=True)
            raise NoKey(str(error)) from error
        await self._note(actor, mailbox, failed=False)
        self._unlocked[mailbox, version] = (now + KEPT, private)
        return private

    async def _note(self, actor: str, mailbox: str, *, failed: bool) -> None:
        event = AuditEvent("use-key", actor, mailbox, "failed" if failed else "ok")
        await self._audit.note(self._database, event)

"""PINs of mailboxes as rows: a hash, failures, a lock. ../pins.py makes the hash and proves it.

A try is counted, and committed, before anybody verifies it: as many may be made at once as one
after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownMailbox
from listen_sinks.voicemail.index.schema import MailboxPinRow, MailboxRow

LockRule: TypeAlias = Callable[[int, datetime], datetime | None]
"""From how many failures there are, and now, until when nobody may try; None: at once."""


@dataclass(frozen=True, slots=True)
class PinState:
    """What is known of a mailbox's PIN, but for the PIN."""

    must_change: bool
    failures: int  # since it was right, or set
    locked_until: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PinTry:
    """A try that is counted, and now to be verified."""

    hash: str = field(repr=False)
    must_change: bool
    changed_at: datetime
    locked: bool  # it was not counted, and must not be right
    locks: bool = False  # if it is wrong, nobody may try for a while


async def put_pin(
    database: Database,
    mailbox: str,
    hashed: str,
    *,
    must_change: bool,
    now: datetime,
    instead_of: datetime | None = None,
) -> bool:
    """Give a mailbox a PIN, or another one; no lock stays. Raises UnknownMailbox, IndexAway.

    `instead_of` is when the PIN was set whose place it takes: False, and nothing is changed, if
    that is not the one which the mailbox has.
    """
    async with database.writing() as session:
        box = await session.get(MailboxRow, mailbox, with_for_update=True)
        if box is None or box.erased_at is not None:
            raise UnknownMailbox(f"there is no mailbox {mailbox}")
        row = await session.get(MailboxPinRow, mailbox, with_for_update=True)
        if instead_of is not None and (row is None or row.changed_at != instead_of):
            return False
        if row is None:
            row = MailboxPinRow(mailbox=mailbox)
            session.add(row)
        row.hash, row.must_change, row.changed_at = hashed, must_change, now
        row.failures, row.locked_until = 0, None
        return True


async def get_pin(database: Database, mailbox: str) -> PinState | None:
    """Return what is known of a PIN; None if there is none. Raises IndexAway."""
    async with database.reading() as session:
        row = await session.get(MailboxPinRow, mailbox)
        return None if row is None else _state(row)


async def count_try(
    database: Database, mailbox: str, now: datetime, lock_rule: LockRule
) -> PinTry | None:
    """Count a try as a failure, before it is verified; None if there is no PIN. Raises IndexAway.

    What is locked at this moment is not counted.
    """
    async with database.writing() as session:
        row = await session.get(MailboxPinRow, mailbox, with_for_update=True)
        if row is None:
            return None
        if row.locked_until is not None and now < row.locked_until:
            return PinTry(row.hash, row.must_change, row.changed_at, locked=True)
        row.failures += 1
        row.locked_until = lock_rule(row.failures, now)
        locks = row.locked_until is not None
        return PinTry(row.hash, row.must_change, row.changed_at, locked=False, locks=locks)


async def list_pins(database: Database, tenant: str) -> dict[str, PinState]:
    """Return what is known of the PINs of a tenant, by mailbox. Raises IndexAway."""
    of_tenant = MailboxRow.id == MailboxPinRow.mailbox
    query = select(MailboxPinRow).join(MailboxRow, of_tenant).where(MailboxRow.tenant == tenant)
    async with database.reading() as session:
        return {row.mailbox: _state(row) for row in await session.scalars(query)}


async def forgive(database: Database, mailbox: str, hashed: str | None = None) -> bool:
    """Forget failures and lock; False if there is no PIN, or its hash is not `hashed` any more.

    Raises IndexAway.
    """
    async with database.writing() as session:
        row = await session.get(MailboxPinRow, mailbox, with_for_update=True)
        if row is None or hashed not in (None, row.hash):
            return False
        row.failures, row.locked_until = 0, None
        return True


async def remove_pin(database: Database, mailbox: str) -> None:
    """Leave a mailbox without a PIN. Raises IndexAway."""
    async with database.writing() as session:
        await destroy_pin(session, mailbox)


async def destroy_pin(session: AsyncSession, mailbox: str) -> None:
    """Take a PIN out, in a transaction of somebody else's."""
    await session.execute(delete(MailboxPinRow).where(MailboxPinRow.mailbox == mailbox))


def _state(row: MailboxPinRow) -> PinState:
    return PinState(row.must_change, row.failures, row.locked_until, row.changed_at)

"""The account of erasures: audit entry, ledger line, receipt, and what is still to do of each.

    begin -> (rows are destroyed) -> complete -> commit -> confirm
          -> scrub -> objects deleted -> objects_gone

Each step may be the last before a crash: `unfinished` says what is left. erasure.py and
redaction.py destroy; replay.py does it again in a database that comes out of a backup.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.destroying import Destroyed
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.ledger import Ledger, LedgerLine
from listen_sinks.voicemail.index.records import AuditMark, ErasureKind, Receipt
from listen_sinks.voicemail.index.schema import ErasedMessageRow, ErasedPartRow, ErasureRow
from listen_sinks.voicemail.index.statements import chunks
from listen_sinks.voicemail.index.telling import tell_counts, tell_erased


class Erasures:
    """What every erasure goes through, in one database with one ledger."""

    def __init__(self, database: Database, audit: AuditLog, ledger: Ledger) -> None:
        self.database = database
        self.audit = audit
        self.ledger = ledger

    async def begin(
        self, session: AsyncSession, kind: ErasureKind, tenant: str, mailbox: str | None
    ) -> ErasureRow:
        """Open the account of an erasure."""
        row = ErasureRow(**first_values(str(ULID()), kind, tenant, mailbox, datetime.now(UTC)))
        session.add(row)
        await session.flush()
        return row

    async def complete(
        self, session: AsyncSession, row: ErasureRow, done: Destroyed, event: AuditEvent
    ) -> Receipt:
        """Write down what was destroyed, last of all before the commit. Raises IndexAway."""
        mark = await self.audit.append(session, event)
        await fill_in(session, row, done, mark)
        await tell_erased(session, row, done)
        await tell_counts(session, row.tenant, done.thinner)
        receipt = _receipt(row, tuple(done.messages), tuple(done.parts))
        line = LedgerLine(
            erasure=receipt.erasure,
            kind=receipt.kind,
            at=receipt.at,
            tenant=receipt.tenant,
            mailbox=receipt.mailbox,
            messages=receipt.messages,
            parts=receipt.parts,
            objects=receipt.objects,
        )
        await asyncio.to_thread(self.ledger.append, line)
        return receipt

    async def confirm(self, receipt: Receipt) -> None:
        """Write into the ledger that it is done; where that fails, replay.py does it later."""
        with suppress(IndexAway):
            await asyncio.to_thread(self.ledger.confirm, [receipt.erasure])

    async def scrub(self, receipt: Receipt) -> Receipt:
        """Get what was destroyed out of the files too. Where that fails, it is still to do.

        What was committed is confirmed first.
        """
        await self.confirm(receipt)
        try:
            scrubbed_at = await self._scrub()
        except IndexAway:
            scrubbed_at = None
        return replace(receipt, scrubbed_at=scrubbed_at)

    async def scrub_waiting(self) -> bool:
        """Scrub if that is still to do for any erasure; False if it still is. Raises IndexAway."""
        return await self._scrub() is not None

    async def unfinished(self) -> tuple[Receipt, ...]:
        """Scrub if that is still to do, and return the erasures whose objects are still there.

        Raises IndexAway.
        """
        await self._scrub()
        async with self.database.reading() as session:
            query = select(ErasureRow).where(ErasureRow.objects_gone_at.is_(None))
            rows = (await session.scalars(query.order_by(ErasureRow.id))).all()
            return tuple([await load_receipt(session, row) for row in rows])

    async def objects_gone(self, erasure: str) -> None:
        """Take down that the objects of an erasure are deleted from the store. Raises IndexAway."""
        async with self.database.writing() as session:
            row = await session.get(ErasureRow, erasure, with_for_update=True)
            if row is not None and row.objects_gone_at is None:
                row.objects, row.objects_gone_at = [], datetime.now(UTC)

    async def refused(self, actor: str, subject: str) -> None:
        """Take down that somebody wanted to erase what is on hold. Raises IndexAway."""
        await self.audit.note(self.database, AuditEvent("erase", actor, subject, "refused"))

    async def _scrub(self) -> datetime | None:
        """Scrub, for all that were erased before; None if that is still to do."""
        async with self.database.reading() as session:
            waiting = select(ErasureRow.id).where(ErasureRow.scrubbed_at.is_(None))
            erased = (await session.scalars(waiting)).all()
        now = datetime.now(UTC)
        if not erased:
            return now
        if not await self.database.scrub():
            return None
        async with self.database.writing() as session:
            for some in chunks(erased):
                done = update(ErasureRow).where(ErasureRow.id.in_(some))
                await session.execute(done.values(scrubbed_at=now))
        return now


def first_values(
    erasure: str, kind: ErasureKind, tenant: str, mailbox: str | None, at: datetime
) -> dict[str, Any]:
    """Return the row of an account with nothing in it yet: erased ids refer to it."""
    return {
        "id": erasure,
        "kind": kind,
        "tenant": tenant,
        "mailbox": mailbox,
        "at": at,
        "held": [],
        "objects": [],
        "keys_destroyed": 0,
        "audit_chain": "",
        "audit_number": 0,
        "audit_hash": "",
    }


async def fill_in(session: AsyncSession, row: ErasureRow, done: Destroyed, mark: AuditMark) -> None:
    """Write into an account what was destroyed, and where the audit log says so."""
    row.objects, row.held, row.keys_destroyed = done.objects, done.held, done.keys
    row.objects_gone_at = None if done.objects else row.at
    row.audit_chain, row.audit_number, row.audit_hash = mark.chain, mark.number, mark.hash
    await session.flush()


async def load_receipt(session: AsyncSession, row: ErasureRow) -> Receipt:
    """Return the receipt of an erasure that was made earlier."""
    messages = await session.scalars(
        select(ErasedMessageRow.message)
        .where(ErasedMessageRow.erasure == row.id)
        .order_by(ErasedMessageRow.message)
    )
    parts = await session.execute(
        select(ErasedPartRow.message, ErasedPartRow.part)
        .where(ErasedPartRow.erasure == row.id)
        .order_by(ErasedPartRow.message, ErasedPartRow.part)
    )
    return _receipt(row, tuple(messages), tuple((one, part) for one, part in parts))


def _receipt(
    row: ErasureRow, messages: tuple[str, ...], parts: tuple[tuple[str, int], ...]
) -> Receipt:
    return Receipt(
        erasure=row.id,
        kind=row.kind,
        tenant=row.tenant,
        mailbox=row.mailbox,
        at=row.at,
        messages=messages,
        parts=parts,
        held=tuple(row.held),
        objects=tuple(row.objects),
        keys_destroyed=row.keys_destroyed,
        audit=AuditMark(row.audit_chain, row.audit_number, row.audit_hash),
        scrubbed_at=row.scrubbed_at,
        objects_gone_at=row.objects_gone_at,
    )

"""Where the audit log is kept: one chain per process, in the transaction of what it tells about.

audit.py says what a chain is, and audit_check.py reads all of them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from listen_sinks.voicemail.index.audit import (
    FIRST,
    AuditEntry,
    AuditEvent,
    Head,
    SignedHead,
    is_signed,
    key_name,
    sign,
)
from listen_sinks.voicemail.index.audit_keys import publish_key, vouched_keys
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import AuditMark
from listen_sinks.voicemail.index.schema import AuditChainRow, AuditRow
from listen_sinks.voicemail.index.statements import insert_once


class AuditLog:
    """The chain of this process, signed by this key. Safe to use from any task."""

    def __init__(self, key: Ed25519PrivateKey, vouching: bytes | None = None) -> None:
        """Take the secret that vouches for keys (audit_keys.py): without it none is published."""
        self._key = key
        self._vouching = vouching
        self._chain = str(ULID())

    @property
    def trusted(self) -> dict[str, Ed25519PublicKey]:
        """Return this key's public half by its name, as the check wants it."""
        public = self._key.public_key()
        return {key_name(public): public}

    async def known_keys(self, database: Database) -> dict[str, Ed25519PublicKey]:
        """Return this key, and those of other machines that are vouched for. Raises IndexAway."""
        if self._vouching is None:
            return self.trusted
        return await vouched_keys(database, self._vouching) | self.trusted

    async def note(self, database: Database, *events: AuditEvent) -> AuditMark:
        """Write down what happened, by itself. Raises IndexAway."""
        async with database.writing() as session:
            return await self.append(session, *events)

    async def append(self, session: AsyncSession, *events: AuditEvent) -> AuditMark:
        """Write down what a transaction does; it is there if and only if that is done."""
        row = await self._chain_row(session)
        for event in events:
            entry = AuditEntry(row.chain, row.number + 1, datetime.now(UTC), event, row.hash)
            self._put(session, row, entry)
        await session.flush()
        return AuditMark(row.chain, row.number, row.hash)

    async def _chain_row(self, session: AsyncSession) -> AuditChainRow:
        row = await _locked(session, self._chain)
        if row is not None and is_signed(_signed_head(row), self.trusted):
            return row
        if row is not None or await session.get(AuditRow, (self._chain, 0)) is not None:
            # Somebody else wrote there, or took the head away. What follows must not be a
            # signature over that: the check is to find it.
            self._chain = str(ULID())
        return await self._begin(session, self._chain)

    async def _begin(self, session: AsyncSession, chain: str) -> AuditChainRow:
        empty = {"chain": chain, "number": -1, "hash": FIRST, "signature": b"", "key": ""}
        is_first = await insert_once(session, AuditChainRow, empty)
        row = await _locked(session, chain)
        if row is None:
            raise RuntimeError("an audit chain went away between two statements")
        if self._vouching is not None:
            await publish_key(session, self._key.public_key(), self._vouching)
        if is_first:
            event = AuditEvent("start", "process")
            witness = tuple(await unseen_heads(session, chain))
            entry = AuditEntry(chain, 0, datetime.now(UTC), event, FIRST, witness)
            self._put(session, row, entry)
        return row

    def _put(self, session: AsyncSession, row: AuditChainRow, entry: AuditEntry) -> None:
        signed = sign(Head(entry.chain, entry.number, entry.hash), self._key)
        session.add(_row(entry))
        row.number, row.hash = entry.number, entry.hash
        row.signature, row.key = signed.signature, signed.key


async def _locked(session: AsyncSession, chain: str) -> AuditChainRow | None:
    return await session.get(AuditChainRow, chain, with_for_update=True, populate_existing=True)


async def unseen_heads(session: AsyncSession, chain: str) -> list[Head]:
    """Return the heads of other chains that no first entry has seen as they are."""
    seen = {head[0]: head[1] for witness in await _witnesses(session) for head in witness}
    rows = await session.scalars(
        select(AuditChainRow).where(AuditChainRow.chain != chain).order_by(AuditChainRow.chain)
    )
    return [
        Head(row.chain, row.number, row.hash)
        for row in rows
        if row.number > seen.get(row.chain, -1)
    ]


async def heads(database: Database) -> tuple[SignedHead, ...]:
    """Return the signed head of every chain: kept elsewhere, they tell of a rollback."""
    async with database.reading() as session:
        rows = await session.scalars(select(AuditChainRow).order_by(AuditChainRow.chain))
        return tuple(_signed_head(row) for row in rows)


async def _witnesses(session: AsyncSession) -> Sequence[list[Any]]:
    firsts = select(AuditRow.witness).where(AuditRow.number == 0).order_by(AuditRow.chain)
    return [witness or [] for witness in await session.scalars(firsts)]


def _signed_head(row: AuditChainRow) -> SignedHead:
    return SignedHead(Head(row.chain, row.number, row.hash), row.signature, row.key)


def _row(entry: AuditEntry) -> AuditRow:
    return AuditRow(
        chain=entry.chain,
        number=entry.number,
        at=entry.at,
        actor=entry.event.actor,
        verb=entry.event.verb,
        subject=entry.event.subject,
        result=entry.event.result,
        witness=[[head.chain, head.number, head.hash] for head in entry.witness] or None,
        previous=entry.previous,
        hash=entry.hash,
    )

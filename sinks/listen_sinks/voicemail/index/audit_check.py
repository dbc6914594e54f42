"""Reads the whole audit log and says where it is not what was written. audit.py is the rules."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import (
    AuditEntry,
    AuditEvent,
    AuditProblem,
    ChainCheck,
    Head,
    SignedHead,
    missing,
)
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import AuditChainRow, AuditRow

_PAGE: Final = 1000  # entries at a time


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check has read, and found."""

    chains: int
    entries: int
    machines: int  # whose keys have signed
    problems: tuple[AuditProblem, ...]


async def check_audit(
    database: Database,
    keys: Mapping[str, Ed25519PublicKey],
    known: Sequence[SignedHead] = (),
) -> AuditReport:
    """Check every entry of every chain. Raises IndexAway.

    `keys` are those that may have signed, by name; `known` are heads that were kept elsewhere:
    without them, a database that was put back as a whole to an older state looks right.
    """
    async with database.reading() as session:
        heads = await _heads(session)
        witnessed = [signed.head for signed in known]
        witnessed += [head for row in await _firsts(session) for head in _witness(row) or ()]
        wanted = {(head.chain, head.number) for head in witnessed}
        found: dict[tuple[str, int], str] = {}
        checks = {chain: ChainCheck(chain) for chain in heads}
        entries = 0
        async for row in _rows(session):
            entries += 1
            check = checks.setdefault(row.chain, ChainCheck(row.chain))
            check.take(row.number, entry_of(row), row.hash)
            if (row.chain, row.number) in wanted:
                found[row.chain, row.number] = row.hash
    problems: list[AuditProblem] = []
    for chain, check in sorted(checks.items()):
        check.finish(heads.get(chain), keys)
        problems += check.problems
    problems += missing(dict.fromkeys(witnessed), found)
    machines = len({signed.key for signed in heads.values()})
    return AuditReport(len(checks), entries, machines, tuple(problems))


async def _rows(session: AsyncSession) -> AsyncIterator[AuditRow]:
    after = ("", -1)
    while True:
        rows = await session.scalars(
            select(AuditRow)
            .where(
                (AuditRow.chain > after[0])
                | ((AuditRow.chain == after[0]) & (AuditRow.number > after[1]))
            )
            .order_by(AuditRow.chain, AuditRow.number)
            .limit(_PAGE)
        )
        page = rows.all()
        for row in page:
            yield row
        if len(page) < _PAGE:
            return
        after = (page[-1].chain, page[-1].number)
        session.expunge_all()


async def _heads(session: AsyncSession) -> dict[str, SignedHead]:
    rows = await session.scalars(select(AuditChainRow))
    return {
        row.chain: SignedHead(Head(row.chain, row.number, row.hash), row.signature, row.key)
        for row in rows
    }


async def _firsts(session: AsyncSession) -> Sequence[AuditRow]:
    return (await session.scalars(select(AuditRow).where(AuditRow.number == 0))).all()


def entry_of(row: AuditRow) -> AuditEntry | None:
    """Return what a row says; None if this program cannot have written it."""
    witness = _witness(row)
    try:
        verb: Any = row.verb
        result: Any = row.result
        event = AuditEvent(verb, row.actor, row.subject, result)
    except (ValueError, TypeError):
        return None
    if witness is None:
        return None
    return AuditEntry(row.chain, row.number, row.at, event, row.previous, witness)


def _witness(row: AuditRow) -> tuple[Head, ...] | None:
    try:
        return tuple(Head(chain, number, seen) for chain, number, seen in row.witness or [])
    except (ValueError, TypeError):
        return None

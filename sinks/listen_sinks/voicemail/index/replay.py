"""Erasing again what a backup has brought back, from the ledger. ledger.py is the file.

Run it after a restore, before anybody may listen. Holds do not count here: what the ledger names
was erased when no hold was on it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.destroying import Destroyed, destroy_messages, destroy_part
from listen_sinks.voicemail.index.erasures import Erasures, fill_in, first_values
from listen_sinks.voicemail.index.ledger import LedgerLine
from listen_sinks.voicemail.index.mailbox_keys import destroy_keys
from listen_sinks.voicemail.index.mailboxes import clear_mailbox
from listen_sinks.voicemail.index.schema import ErasureRow, MailboxRow
from listen_sinks.voicemail.index.statements import chunks, insert_once
from listen_sinks.voicemail.index.telling import tell_counts


@dataclass(frozen=True, slots=True)
class Replay:
    """What a ledger made of a database."""

    lines: int
    cut_lines: int  # tried, and not done then: see ledger.py
    doubtful: int  # neither known to the database, nor said to be done: a crash came between
    replayed: int  # lines that the database did not know
    keys_destroyed: int
    objects: tuple[str, ...]  # to be deleted from the store, if they are there


async def replay_erasures(erasures: Erasures) -> Replay:
    """Bring a database to where the ledger is. Again, it changes nothing.

    An erasure that is not said to be done was asked for, and cut off: whoever asked was told so,
    and nobody may have meant it since. Raises BadLedger, OSError, IndexAway.
    """
    contents = await asyncio.to_thread(erasures.ledger.read)
    known = await _known(erasures, [line.erasure for line in contents.lines])
    objects: dict[str, None] = {}
    replayed = keys = 0
    for line in contents.lines:
        if line.erasure in known or line.erasure not in contents.done:
            continue
        async with erasures.database.writing() as session:
            done = await _replay(erasures, session, line)
        if done is None:
            continue
        replayed += 1
        keys += done.keys
        objects.update(dict.fromkeys(done.objects))
    if replayed:
        await erasures.unfinished()
    late = known - contents.done
    await asyncio.to_thread(erasures.ledger.confirm, sorted(late))
    doubtful = {line.erasure for line in contents.lines} - known - contents.done
    lines, cut = len(contents.lines), contents.cut
    return Replay(lines, cut, len(doubtful), replayed, keys, tuple(objects))


async def _known(erasures: Erasures, ids: Sequence[str]) -> set[str]:
    """Return which erasures the database has."""
    found: set[str] = set()
    async with erasures.database.reading() as session:
        for some in chunks(ids):
            found.update(
                await session.scalars(select(ErasureRow.id).where(ErasureRow.id.in_(some)))
            )
    return found


async def _replay(erasures: Erasures, session: AsyncSession, line: LedgerLine) -> Destroyed | None:
    """Do it again; None if another process does so, or has."""
    first = first_values(line.erasure, line.kind, line.tenant, line.mailbox, line.at)
    if not await insert_once(session, ErasureRow, first):
        return None
    row = await session.get_one(ErasureRow, line.erasure)
    done = Destroyed()
    await destroy_messages(session, line.messages, row.id, done)
    for message, part in line.parts:
        await destroy_part(session, message, part, row.id, done)
    if line.kind == "mailbox" and line.mailbox is not None:
        await _mailbox(session, line, done)
    mark = await erasures.audit.append(session, AuditEvent("replay", "process", line.erasure))
    done.objects = sorted({*line.objects, *done.objects})
    await fill_in(session, row, done, mark)
    await tell_counts(session, line.tenant, done.thinner)
    return done


async def _mailbox(session: AsyncSession, line: LedgerLine, done: Destroyed) -> None:
    box = await session.get(MailboxRow, line.mailbox, with_for_update=True)
    if box is None or box.erased_at is not None:
        return
    done.keys += await destroy_keys(session, box.id)
    heir: Any = None
    if box.catch_all:
        # Since the backup another mailbox must have become the catch-all, or none was left. The
        # backup does not say which: the oldest takes the place, so that no call is refused.
        query = select(MailboxRow).where(
            MailboxRow.tenant == box.tenant,
            MailboxRow.erased_at.is_(None),
            MailboxRow.id != box.id,
        )
        heir = await session.scalar(query.order_by(MailboxRow.id).limit(1))
        box.catch_all = False
        await session.flush()
    await clear_mailbox(session, box, line.at)
    if heir is not None:
        heir.catch_all = True

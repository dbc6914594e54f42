"""Erasing again what a backup has brought back, from the ledger. ledger.py is the file.

Run it after a restore, before anybody may listen. Holds do not count here: what the ledger names
was erased when no hold was on it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.destroying import Destroyed, destroy_messages, destroy_part
from listen_sinks.voicemail.index.erasures import Erasures, add_erasure, fill_in
from listen_sinks.voicemail.index.ledger import LedgerLine
from listen_sinks.voicemail.index.mailbox_keys import destroy_keys
from listen_sinks.voicemail.index.mailboxes import clear_mailbox
from listen_sinks.voicemail.index.schema import ErasureRow, MailboxRow


@dataclass(frozen=True, slots=True)
class Replay:
    """What a ledger made of a database."""

    lines: int
    cut_lines: int  # tried, and not done then: see ledger.py
    replayed: int  # lines that the database did not know
    keys_destroyed: int
    objects: tuple[str, ...]  # to be deleted from the store, if they are there


async def replay_erasures(erasures: Erasures) -> Replay:
    """Bring a database to where the ledger is. Again, it changes nothing.

    Raises BadLedger, OSError, IndexAway.
    """
    contents = await asyncio.to_thread(erasures.ledger.read)
    objects: dict[str, None] = {}
    replayed = keys = 0
    for line in contents.lines:
        async with erasures.database.writing() as session:
            if await session.get(ErasureRow, line.erasure) is not None:
                continue
            done = await _replay(erasures, session, line)
        replayed += 1
        keys += done.keys
        objects.update(dict.fromkeys(done.objects))
    if replayed:
        await erasures.unfinished()
    return Replay(len(contents.lines), contents.cut, replayed, keys, tuple(objects))


async def _replay(erasures: Erasures, session: AsyncSession, line: LedgerLine) -> Destroyed:
    row = await add_erasure(session, line.erasure, line.kind, line.tenant, line.mailbox, line.at)
    done = Destroyed()
    await destroy_messages(session, line.messages, row.id, done)
    for message, part in line.parts:
        await destroy_part(session, message, part, row.id, done)
    if line.kind == "mailbox" and line.mailbox is not None:
        await _mailbox(session, line, done)
    mark = await erasures.audit.append(session, AuditEvent("replay", "process", line.erasure))
    done.objects = sorted({*line.objects, *done.objects})
    await fill_in(session, row, done, mark)
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

"""Carrying out what policies.py decides about age: deleting, and erasing a grace period later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.erasure import erase_expired
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.greetings import unnamed_greetings
from listen_sinks.voicemail.index.messages import mark_deleted
from listen_sinks.voicemail.index.records import MessageState, Receipt
from listen_sinks.voicemail.index.schema import MailboxRow, MessageRow, TenantRow
from listen_sinks.voicemail.index.telling import tell_counts
from listen_sinks.voicemail.policies import (
    Candidate,
    MailboxSettings,
    RetentionPlan,
    effective_settings,
    horizon,
    plan_retention,
)

_BATCH: Final = 500  # messages in one transaction
_STATES: Final[tuple[MessageState, ...]] = ("new", "heard", "saved", "deleted", "discarded")


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """What one run did."""

    deleted: int
    erased: int
    receipts: tuple[Receipt, ...]  # one per mailbox and batch, with the objects to delete


async def apply_retention(erasures: Erasures, now: datetime) -> RetentionRun:
    """Go through all mailboxes. What a run that was stopped left undone, the next one does.

    Raises IndexAway; what was done until then stays done.
    """
    deleted = 0
    receipts: list[Receipt] = []
    for tenant, mailbox, settings in await _mailboxes(erasures):
        while True:
            plan, count = await _delete_due(erasures, mailbox, settings, now)
            deleted += count
            if plan.erase:
                receipts.append(await erase_expired(erasures, tenant, mailbox, plan.erase))
            if len(plan.delete) + len(plan.erase) < _BATCH:
                break
        receipts += await _erase_unnamed(erasures, tenant, mailbox, now)
    if receipts:
        await erasures.unfinished()
    return RetentionRun(deleted, sum(len(one.messages) for one in receipts), tuple(receipts))


async def _erase_unnamed(
    erasures: Erasures, tenant: str, mailbox: str, now: datetime
) -> list[Receipt]:
    """Erase greetings that nobody is to hear: recorded and not kept, or replaced while on hold."""
    async with erasures.database.reading() as session:
        box = await session.get(MailboxRow, mailbox)
        due = await unnamed_greetings(session, box, now, _BATCH) if box else ()
    return [await erase_expired(erasures, tenant, mailbox, due)] if due else []


async def _mailboxes(erasures: Erasures) -> list[tuple[str, str, MailboxSettings]]:
    async with erasures.database.reading() as session:
        rows = await session.execute(
            select(MailboxRow, TenantRow)
            .join(TenantRow, TenantRow.id == MailboxRow.tenant)
            .where(MailboxRow.erased_at.is_(None), ~MailboxRow.legal_hold)
            .order_by(MailboxRow.id)
        )
        return [
            (tenant.id, box.id, effective_settings({**tenant.settings, **box.settings}))
            for box, tenant in rows
        ]


async def _delete_due(
    erasures: Erasures, mailbox: str, settings: MailboxSettings, now: datetime
) -> tuple[RetentionPlan, int]:
    """Delete what is due, and return the plan with what is to be erased."""
    async with erasures.database.writing() as session:
        box = await session.get(MailboxRow, mailbox, with_for_update={"read": True})
        if box is None or box.legal_hold or box.erased_at is not None:
            return RetentionPlan(), 0
        rows = await _due(session, mailbox, settings, now)
        candidates = [
            Candidate(row.id, row.state, row.recorded_at, row.state_changed_at, row.legal_hold)
            for row in rows
        ]
        plan = plan_retention(candidates, settings, now)
        due = set(plan.delete)
        for row in rows:
            if row.id in due:
                mark_deleted(row, now)
        if due:
            await tell_counts(session, box.tenant, [mailbox])
    return plan, len(due)


async def _due(
    session: AsyncSession, mailbox: str, settings: MailboxSettings, now: datetime
) -> Sequence[MessageRow]:
    conditions: list[ColumnElement[bool]] = [
        and_(
            MessageRow.state == state,
            MessageRow.state_changed_at <= before,
            MessageRow.recorded_at <= before,
        )
        for state in _STATES
        if (before := horizon(settings, state, now)) is not None
    ]
    query = (
        select(MessageRow)
        .where(MessageRow.mailbox == mailbox, ~MessageRow.legal_hold, or_(*conditions))
        .order_by(MessageRow.id)
        .limit(_BATCH)
        .with_for_update()
    )
    return (await session.scalars(query)).all()

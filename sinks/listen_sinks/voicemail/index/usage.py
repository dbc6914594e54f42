"""What mailboxes hold, for their quota and for a list's counts. policies.py judges it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import MessageState, Usage
from listen_sinks.voicemail.index.schema import MessageRow
from listen_sinks.voicemail.index.statements import chunks

_KEPT = ("new", "heard", "saved")


async def mailbox_usage(database: Database, tenant: str, mailbox: str) -> Usage:
    """Return how many messages a mailbox holds, and how long they are. Raises IndexAway."""
    async with database.reading() as session:
        row = (
            await session.execute(
                select(func.count(), func.coalesce(func.sum(MessageRow.seconds), 0.0)).where(
                    MessageRow.tenant == tenant,
                    MessageRow.mailbox == mailbox,
                    MessageRow.state.in_(_KEPT),
                )
            )
        ).one()
        return Usage(row[0], row[1])


async def count_messages(
    database: Database, tenant: str, mailbox: str
) -> Mapping[MessageState, int]:
    """Return how many messages there are in each state; discarded ones too. Raises IndexAway."""
    async with database.reading() as session:
        rows = await session.execute(
            select(MessageRow.state, func.count())
            .where(MessageRow.tenant == tenant, MessageRow.mailbox == mailbox)
            .group_by(MessageRow.state)
        )
        found = dict(rows.all())
    states: tuple[MessageState, ...] = ("new", "heard", "saved", "deleted", "discarded")
    return {state: found.get(state, 0) for state in states}


async def kept_of(session: AsyncSession, mailbox: str) -> Mapping[str, int]:
    """Return how many messages of a mailbox are new, heard and saved."""
    rows = await session.execute(
        select(MessageRow.state, func.count())
        .where(MessageRow.mailbox == mailbox, MessageRow.state.in_(_KEPT))
        .group_by(MessageRow.state)
    )
    return dict.fromkeys(_KEPT, 0) | dict(rows.all())


async def usage_of(session: AsyncSession, mailboxes: Sequence[str]) -> Mapping[str, Usage]:
    """Return the usage of those of these mailboxes that hold anything."""
    found: dict[str, Usage] = {}
    for some in chunks(mailboxes):
        rows = await session.execute(
            select(MessageRow.mailbox, func.count(), func.sum(MessageRow.seconds))
            .where(MessageRow.mailbox.in_(some), MessageRow.state.in_(_KEPT))
            .group_by(MessageRow.mailbox)
        )
        found |= {mailbox: Usage(number, seconds) for mailbox, number, seconds in rows}
    return found

"""Which greetings a mailbox has: its settings name them. ../greetings.py makes and erases them.

A greeting is a message in a state of its own: sealed, rotated and erased as all are. What no
mailbox names is erased when it is old enough: retention.py.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownMailbox, UnknownMessage, WrongState
from listen_sinks.voicemail.index.schema import MailboxRow, MessageRow
from listen_sinks.voicemail.index.tenants import merged

Which: TypeAlias = Literal["greeting", "temporary_greeting"]
"""The settings of a mailbox that name one, by its message id."""

UNNAMED: Final = timedelta(days=1)
"""How old a greeting is that is erased because no mailbox names it: it may be named yet."""


def named_greetings(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return the messages that a mailbox's own settings name."""
    found = (settings.get(which) for which in get_args(Which))
    return frozenset(one for one in found if isinstance(one, str))


async def name_greeting(
    database: Database, mailbox: str, which: Which, message: str | None
) -> tuple[str, str | None]:
    """Name a greeting in a mailbox's settings, or none.

    Return the mailbox's tenant, and the greeting that was named before, if none names it now.
    Raises UnknownMailbox, UnknownMessage if it is none of this mailbox, WrongState if it is no
    greeting, IndexAway.
    """
    async with database.writing() as session:
        box = await session.get(MailboxRow, mailbox, with_for_update=True)
        if box is None or box.erased_at is not None:
            raise UnknownMailbox(f"there is no mailbox {mailbox}")
        if message is not None:
            await _refuse_others(session, mailbox, message)
        before = box.settings.get(which)
        box.settings = merged(box.settings, {which: message})
        gone = before if isinstance(before, str) else None
        return box.tenant, None if gone in named_greetings(box.settings) else gone


async def unnamed_greetings(
    session: AsyncSession, box: MailboxRow, now: datetime, limit: int
) -> tuple[str, ...]:
    """Return greetings of a mailbox that it does not name, and that are old enough to go."""
    named = named_greetings(box.settings)
    query = (
        select(MessageRow.id)
        .where(MessageRow.mailbox == box.id, MessageRow.state == "greeting")
        .where(MessageRow.recorded_at <= now - UNNAMED, ~MessageRow.legal_hold)
        .where(MessageRow.id.not_in(sorted(named)))
        .order_by(MessageRow.id)
        .limit(limit)
    )
    return tuple(await session.scalars(query))


async def _refuse_others(session: AsyncSession, mailbox: str, message: str) -> None:
    row = await session.get(MessageRow, message, with_for_update={"read": True})
    if row is None or row.mailbox != mailbox:
        raise UnknownMessage(f"mailbox {mailbox} has no message {message}")
    if row.state != "greeting":
        raise WrongState(f"message {message} is no greeting: it is {row.state}")

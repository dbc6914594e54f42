"""The messages of a mailbox as somebody walks through them by phone: one after the other.

A place in a list is a message, not a number: others come and go meanwhile. messages.py changes
their states.
"""

from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, and_, or_, select

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.messages import message_of
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.schema import MessageRow
from listen_sinks.voicemail.index.usage import kept_of
from listen_sinks.voicemail.policies import KEPT

Folder: TypeAlias = Literal["new", "saved", "deleted"]
"""new: also what has become something else since somebody began. saved: heard, or saved."""


async def step(
    database: Database,
    mailbox: str,
    folder: Folder,
    since: datetime,
    *,
    after: str | None = None,
    before: str | None = None,
) -> Message | None:
    """Return the oldest message of a folder after one, or the newest before one; None at its end.

    `since` is when somebody began: what was new then stays among the new. Raises IndexAway.
    """
    query = select(MessageRow).where(MessageRow.mailbox == mailbox, _in(folder, since))
    if before is not None:
        query = query.where(MessageRow.id < before).order_by(MessageRow.id.desc())
    else:
        query = query.where(MessageRow.id > (after or "")).order_by(MessageRow.id)
    async with database.reading() as session:
        row = await session.scalar(query.limit(1))
        return message_of(row) if row else None


async def counts(database: Database, mailbox: str) -> tuple[int, int]:
    """Return how many messages are new, and how many are heard or saved. Raises IndexAway."""
    async with database.reading() as session:
        found = await kept_of(session, mailbox)
    return found["new"], found["heard"] + found["saved"]


def _in(folder: Folder, since: datetime) -> ColumnElement[bool]:
    match folder:
        case "new":
            changed = and_(MessageRow.state.in_(KEPT), MessageRow.state_changed_at >= since)
            return or_(MessageRow.state == "new", changed)
        case "saved":
            return MessageRow.state.in_(("heard", "saved"))
        case "deleted":
            return MessageRow.state == "deleted"

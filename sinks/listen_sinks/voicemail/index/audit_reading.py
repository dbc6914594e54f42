"""The audit log as it is read by people: in order of time, by who or what it is about.

Short transactions, so that whoever reads slowly keeps nobody from writing, nor from destroying
keys. audit_check.py says whether it is what was written; here it is as it stands.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import ColumnElement, func, literal, or_, select, tuple_

from listen_sinks.voicemail.index.audit import AuditEvent, Result, Verb
from listen_sinks.voicemail.index.audit_check import entry_of
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import (
    AuditRow,
    ErasedMessageRow,
    ErasureRow,
    MailboxRow,
    MessageRow,
)
from listen_sinks.voicemail.index.times import UtcDateTime

_PAGE: Final = 500  # entries in one transaction
_ID: Final = 26  # a subject may have the number of a part behind it


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """Which entries; None is all."""

    tenant: str | None = None
    mailbox: str | None = None  # its id
    verb: Verb | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in the log."""

    chain: str
    number: int
    at: datetime
    event: AuditEvent | None  # None: it is not what this program writes, and may say anything
    hash: str


async def read_audit(database: Database, wanted: AuditWanted) -> AsyncIterator[StoredEntry]:
    """Give entries from the oldest to the newest, those of the moment included. Raises IndexAway.

    About a tenant or mailbox is what names it, or one of its messages, or what was one.
    """
    after: tuple[datetime, str, int] | None = None
    while True:
        query = select(AuditRow).where(*_about(wanted)).limit(_PAGE)
        if after is not None:
            query = query.where(tuple_(literal(after[0], UtcDateTime()), *after[1:]) < _PLACE)
        async with database.reading() as session:
            page = (await session.scalars(query.order_by(*_ORDER))).all()
        for row in page:
            yield StoredEntry(row.chain, row.number, row.at, _event(row), row.hash)
        if len(page) < _PAGE:
            return
        after = page[-1].at, page[-1].chain, page[-1].number


_ORDER: Final = (AuditRow.at, AuditRow.chain, AuditRow.number)
_PLACE: Final = tuple_(*_ORDER)


def _event(row: AuditRow) -> AuditEvent | None:
    """Return what a row says, unless its words can be anybody's: they are to be shown."""
    entry = entry_of(row)
    if entry is None or entry.hash != row.hash:
        return None
    known = row.verb in get_args(Verb) and row.result in get_args(Result)
    return entry.event if known else None


def _about(wanted: AuditWanted) -> list[ColumnElement[bool]]:
    about: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        about.append(AuditRow.at >= wanted.since)
    if wanted.verb is not None:
        about.append(AuditRow.verb == wanted.verb)
    if wanted.tenant is not None:
        about.append(or_(AuditRow.subject == wanted.tenant, _of_tenant(wanted.tenant)))
    if wanted.mailbox is not None:
        about.append(_of_mailbox(wanted.mailbox))
    return about


def _of_tenant(tenant: str) -> ColumnElement[bool]:
    erasure = ErasureRow.tenant == tenant
    return _subject_in(
        select(MailboxRow.id).where(MailboxRow.tenant == tenant),
        select(MessageRow.id).where(MessageRow.tenant == tenant),
        *_erased(erasure),
    )


def _of_mailbox(mailbox: str) -> ColumnElement[bool]:
    return or_(
        AuditRow.subject == mailbox,
        AuditRow.actor == f"phone:{mailbox}",
        _subject_in(
            select(MessageRow.id).where(MessageRow.mailbox == mailbox),
            *_erased(ErasureRow.mailbox == mailbox),
        ),
    )


def _erased(of: ColumnElement[bool]) -> tuple[Any, Any]:
    """Return ids of erasures, and of messages that went by them."""
    joined = ErasureRow.id == ErasedMessageRow.erasure
    return (
        select(ErasureRow.id).where(of),
        select(ErasedMessageRow.message).join(ErasureRow, joined).where(of),
    )


def _subject_in(*queries: Any) -> ColumnElement[bool]:
    subject = func.substr(AuditRow.subject, 1, _ID)
    return or_(*(subject.in_(query) for query in queries))

"""Statements as databases want them: an insert that may find the row there, lists in pieces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.schema import Base

_AT_ONCE: Final = 500  # ids in one statement


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into what one statement takes."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


async def insert_once(session: AsyncSession, table: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is taken; return whether it was inserted.

    On PostgreSQL it waits for a transaction that inserts the same.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    result = await session.execute(statement)
    return isinstance(result, CursorResult) and result.rowcount == 1

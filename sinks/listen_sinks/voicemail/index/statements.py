"""Statements as databases want them: an insert that may find the row there, lists in pieces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import CursorResult, Result, inspect
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
    statement = _insert(session, table).values(**values).on_conflict_do_nothing()
    return count(await session.execute(statement)) == 1


async def insert_new(
    session: AsyncSession, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> set[str]:
    """Insert those rows whose key, a text, is not taken; return the keys that were inserted."""
    (key,) = inspect(table).primary_key
    if not rows:
        return set()
    statement = _insert(session, table).on_conflict_do_nothing().returning(key)
    return set(await session.scalars(statement, list(rows)))


def _insert(session: AsyncSession, table: type[Base]) -> Any:
    """Begin an insert that may find rows there: each dialect has its own."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def count(result: Result[Any]) -> int:
    """Return how many rows a statement has changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0

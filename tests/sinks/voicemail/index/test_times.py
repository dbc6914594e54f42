from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import TenantRow


async def test_a_moment_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=india)

    async with database.writing() as session:
        session.add(TenantRow(id="acme", salt=bytes(32), settings={}, created_at=moment))
    async with database.reading() as session:
        row = await session.get_one(TenantRow, "acme")

    assert row.created_at == moment
    assert row.created_at.tzinfo is UTC


async def test_a_moment_without_a_zone_does_not_go_in(database: Database) -> None:
    async def store() -> None:
        async with database.writing() as session:
            naive = datetime(2026, 3, 29, 1, 30)  # noqa: DTZ001 - what must not go in
            session.add(TenantRow(id="acme", salt=bytes(32), settings={}, created_at=naive))

    with pytest.raises(StatementError, match="without a time zone"):
        await store()

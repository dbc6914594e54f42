"""An index that is locked, away and back, under calls that are on and messages on their way."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from harness import until
from mailbox_contents import contents, shipped, take, voicemail
from spooled import files_below

from listen_sinks import shipping
from listen_sinks.api import SinkError
from listen_sinks.testing import make_call, make_outcome, tone

AWAY = "no mailbox is known, and the index is away"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(shipping, "LONGEST_DELAY", 0.2)


@asynccontextmanager
async def locked(data_dir: Path) -> AsyncIterator[None]:
    """Hold the database's only lock."""

    def lock() -> sqlite3.Connection:
        connection = sqlite3.connect(data_dir / "index.db", check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    connection = await asyncio.to_thread(lock)
    try:
        yield
    finally:
        await asyncio.to_thread(connection.rollback)
        await asyncio.to_thread(connection.close)


@asynccontextmanager
async def away(data_dir: Path) -> AsyncIterator[None]:
    """Put a folder in the place of the database's file."""
    path, aside = data_dir / "index.db", data_dir / "aside"

    def swap() -> None:
        if path.exists():
            path.rename(aside)
        path.mkdir()

    def swap_back() -> None:
        path.rmdir()
        if aside.exists():
            aside.rename(path)

    await asyncio.to_thread(swap)
    try:
        yield
    finally:
        await asyncio.to_thread(swap_back)


async def test_while_the_index_is_locked_calls_go_on_and_messages_wait(tmp_path: Path) -> None:
    calls = [make_call() for _ in range(3)]
    async with voicemail(tmp_path) as plugin:
        await take(plugin, calls[0], tone(calls[0]))
        await shipped(plugin)
        async with locked(tmp_path):
            for call in calls[1:]:
                await take(plugin, call, tone(call))
            assert plugin.shipping.waiting == 2
            assert plugin.unavailable() is None
        await shipped(plugin)

    assert set(await contents(tmp_path)) == {call.stream_id for call in calls}


async def test_a_server_that_starts_without_its_index_takes_calls_for_those_it_knew(
    tmp_path: Path,
) -> None:
    first, second = make_call(), make_call()
    async with voicemail(tmp_path) as plugin:
        await take(plugin, first, tone(first))
        await shipped(plugin)

    async with away(tmp_path):
        async with voicemail(tmp_path, close_timeout=0.2) as plugin:
            assert plugin.unavailable() is None
            await take(plugin, second, tone(second))
            await until(lambda: plugin.shipping.failures)

            stranger = replace(make_call(), tenant="stranger")
            with pytest.raises(SinkError, match="tenant stranger has no mailbox yet"):
                await plugin.sink(stranger).start(stranger)

        kept = await asyncio.to_thread(files_below, tmp_path / "spool")
        assert f"{second.stream_id}.0.end" in kept

    async with voicemail(tmp_path) as plugin:
        await shipped(plugin)
    found = await contents(tmp_path)
    assert found[second.stream_id].mailbox == found[first.stream_id].mailbox


async def test_a_first_start_without_an_index_refuses_calls_until_there_is_one(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with away(tmp_path):
        opening = voicemail(tmp_path, refresh_interval=0.05)
        plugin = await opening.__aenter__()
        assert plugin.unavailable() == AWAY
        with pytest.raises(SinkError, match="has no mailbox yet"):
            await plugin.sink(call).start(call)

    await until(lambda: plugin.unavailable() is None)
    await take(plugin, call, tone(call))
    await shipped(plugin)
    await opening.__aexit__(None, None, None)
    assert set(await contents(tmp_path)) == {call.stream_id}


async def test_an_index_that_goes_while_a_call_is_on_costs_it_nothing(tmp_path: Path) -> None:
    before, call = make_call(), make_call()
    async with voicemail(tmp_path, refresh_interval=0.05) as plugin:
        await take(plugin, before, tone(before))
        await shipped(plugin)
        sink = plugin.sink(call)
        await sink.start(call)
        await plugin.database.close()  # or its connections would keep the file that was moved
        async with away(tmp_path):
            await until(lambda: plugin.mailboxes.away)
            await sink.audio(tone(call))
            await sink.finish(make_outcome(call, 8000))
            await until(lambda: plugin.shipping.failures)
        await shipped(plugin)
        await until(lambda: plugin.mailboxes.away is None)

    assert (await contents(tmp_path))[call.stream_id].outcome == "complete"


async def test_a_message_that_was_stored_but_not_recorded_is_recorded_once(
    tmp_path: Path,
) -> None:
    first, call = make_call(), make_call()
    async with voicemail(tmp_path, close_timeout=0.2) as plugin:
        await take(plugin, first, tone(first))
        await shipped(plugin)
        await plugin.database.close()
        async with away(tmp_path):
            await take(plugin, call, tone(call))
            await until(lambda: plugin.shipping.failures)
            stored = await asyncio.to_thread(files_below, tmp_path / "store")
            assert f"{call.stream_id}.0.lsv1" in stored
            await plugin.close()
            plugin._opened.pop_all()

    async with voicemail(tmp_path) as again:
        await shipped(again)
    kept = await contents(tmp_path)
    assert set(kept) == {first.stream_id, call.stream_id}


async def test_a_server_that_stops_while_the_index_is_locked_keeps_messages_in_the_spool(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with voicemail(tmp_path, close_timeout=0.2) as plugin:
        await take(plugin, first := make_call(), tone(first))
        await shipped(plugin)
        async with locked(tmp_path):
            await take(plugin, call, tone(call))
            await plugin.close()
            plugin._opened.pop_all()
            assert f"{call.stream_id}.0.end" in await asyncio.to_thread(
                files_below, tmp_path / "spool"
            )

    async with voicemail(tmp_path) as again:
        await shipped(again)
    assert (await contents(tmp_path))[call.stream_id].outcome == "complete"

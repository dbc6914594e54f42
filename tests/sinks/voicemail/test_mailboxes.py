import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mailbox_contents import contents, shipped, take, voicemail
from ulid import ULID

from listen_sinks.api import Call, SinkError
from listen_sinks.testing import make_call, tone
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.own_secrets import number_secret
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.keys.rotation import create_key

TENANT = "example"
NUMBER = "+442079460000"


async def add(plugin: Voicemail, *addresses: str, tenant: str = TENANT, **options: Any) -> str:
    """Add a mailbox, as somebody else does while the server runs; return its id."""
    folder = plugin.directory
    made = await ensure_tenant(plugin.database, tenant)
    secret = await asyncio.to_thread(number_secret, folder / "numbers.secret")
    hashes = [number_key(secret, made.salt).mailbox(one) for one in addresses]
    key = await create_key(FileKeys(FileConfig(), folder), str(ULID()))
    await add_mailbox(plugin.database, tenant, key, addresses=hashes, **options)
    return key.public.mailbox


async def placed(plugin: Voicemail, call: Call) -> str:
    return (await plugin.mailboxes.place(call)).destination.mailbox


async def known(plugin: Voicemail, call: Call, mailbox: str) -> None:
    """Wait until the sink has learnt of a mailbox."""
    async with asyncio.timeout(10):
        while await placed(plugin, call) != mailbox:  # noqa: ASYNC110 - others make it
            await asyncio.sleep(0.01)


def calling(**changes: Any) -> Call:
    return make_call(to_number=None, **changes)


async def test_the_route_counts_before_the_metadata_before_the_number(tmp_path: Path) -> None:
    async with voicemail(tmp_path, refresh_interval=0.02) as plugin:
        catch_all = await placed(plugin, calling())
        route, metadata, number = [await add(plugin, name) for name in ("sales", "support", NUMBER)]
        call = calling(path_params={"mailbox": "sales"}, attributes={"mailbox": "support"})
        await known(plugin, make_call(to_number=NUMBER), number)
        call = replace(call, to_number=NUMBER)

        assert await placed(plugin, call) == route

        assert await placed(plugin, replace(call, path_params={})) == metadata
        assert await placed(plugin, replace(call, path_params={}, attributes={})) == number
        assert await placed(plugin, calling()) == catch_all
        assert await placed(plugin, calling(path_params={"mailbox": route.lower()})) == route


async def test_a_mailbox_of_another_tenant_is_never_found(tmp_path: Path) -> None:
    async with voicemail(tmp_path, refresh_interval=0.02) as plugin:
        own = await placed(plugin, calling())
        other = await add(plugin, "sales", tenant="other")
        theirs = calling(tenant="other", path_params={"mailbox": "sales"})
        await known(plugin, theirs, other)

        for named in ("sales", other):
            assert await placed(plugin, calling(path_params={"mailbox": named})) == own


async def test_a_pass_counts_before_all_else_and_for_mailboxes_of_a_moment_ago(
    tmp_path: Path,
) -> None:
    async with voicemail(tmp_path, refresh_interval=600) as plugin:
        await placed(plugin, calling())
        sales, support = [await add(plugin, name) for name in ("sales", "support")]
        call = calling(path_params={"mailbox": "sales"}, granted={"mailbox": support})

        assert await placed(plugin, call) == support

        assert await placed(plugin, replace(call, granted={})) == sales


async def test_a_pass_for_a_mailbox_that_is_gone_does_not_cost_the_call(tmp_path: Path) -> None:
    async with voicemail(tmp_path, refresh_interval=600) as plugin:
        own = await placed(plugin, calling())
        other = await add(plugin, "sales", tenant="other")

        for mailbox in (str(ULID()), other):
            assert await placed(plugin, calling(granted={"mailbox": mailbox})) == own


@pytest.mark.parametrize(
    "trick", ["../../x", "\0", "%2e%2e", "a" * 5000, "", "🙂", "\udcff", 7, None]
)
async def test_what_names_no_mailbox_never_costs_the_call(tmp_path: Path, trick: object) -> None:
    named: Any = trick
    call = make_call(
        call_sid=str(trick),
        path_params={"mailbox": named},
        to_number=None if trick is None else str(trick),
        from_number=None if trick is None else str(trick),
        attributes={"mailbox": named, str(trick): [named]},
    )
    async with voicemail(tmp_path) as plugin:
        await take(plugin, call, tone(call))
        await shipped(plugin)

    def names() -> set[str]:
        return {path.name for path in tmp_path.rglob("*") if path.is_file()}

    (kept,) = (await contents(tmp_path)).values()
    assert kept.seconds == 1.0
    own = {
        f"{call.stream_id}.0.lsv1",
        "index.db",
        "root.keys",
        "audit.key",
        "numbers.secret",
        "mailboxes.json",
    }
    assert await asyncio.to_thread(names) - {"index.db-wal", "index.db-shm"} == own


async def test_many_first_calls_of_a_tenant_share_one_mailbox(tmp_path: Path) -> None:
    async with voicemail(tmp_path) as plugin:
        found = await asyncio.gather(*(placed(plugin, calling()) for _ in range(20)))

        assert len(set(found)) == 1


async def test_a_server_that_makes_no_mailboxes_needs_no_root_key(tmp_path: Path) -> None:
    async with voicemail(tmp_path, create_mailboxes=False) as plugin:
        with pytest.raises(SinkError, match="listen-server mailboxes add"):
            await plugin.mailboxes.place(calling())

        assert plugin.unavailable() is None
    assert not await asyncio.to_thread((tmp_path / "root.keys").exists)


async def test_calls_need_no_root_key_and_a_lost_one_is_not_made_anew(tmp_path: Path) -> None:
    call = calling()
    async with voicemail(tmp_path) as plugin:
        await placed(plugin, call)
        aside = tmp_path / "aside"
        await asyncio.to_thread((tmp_path / "root.keys").rename, aside)
        await take(plugin, call, tone(call))
        await shipped(plugin)

    with pytest.raises(SinkError, match="put its backup in place"):
        async with voicemail(tmp_path):
            pass
    async with voicemail(tmp_path, create_mailboxes=False) as plugin:
        await take(plugin, second := calling(), tone(second))
        await shipped(plugin)

    await asyncio.to_thread(aside.rename, tmp_path / "root.keys")
    assert set(await contents(tmp_path)) == {call.stream_id, second.stream_id}


async def test_a_root_of_another_installation_opens_nothing_and_stops_nothing(
    tmp_path: Path,
) -> None:
    call = calling()
    async with voicemail(tmp_path) as plugin:
        await placed(plugin, call)

        def swap() -> None:
            (tmp_path / "root.keys").rename(tmp_path / "aside")

        await asyncio.to_thread(swap)
        await FileKeys(FileConfig(), tmp_path).open()
        await take(plugin, call, tone(call))
        await shipped(plugin)

    with pytest.raises(Exception, match="wrapped under root"):
        await contents(tmp_path)
    await asyncio.to_thread((tmp_path / "aside").replace, tmp_path / "root.keys")
    assert set(await contents(tmp_path)) == {call.stream_id}


async def test_a_full_mailbox_takes_no_message_but_notes_the_call(tmp_path: Path) -> None:
    async with voicemail(tmp_path, refresh_interval=0.02) as plugin:
        await placed(plugin, calling())
        full = await add(plugin, "full", settings={"max_messages": 0})
        call = calling(path_params={"mailbox": "full"})
        await known(plugin, call, full)
        await take(plugin, call, tone(call))
        await shipped(plugin)

    kept = (await contents(tmp_path))[call.stream_id]
    assert (kept.state, kept.reason) == ("discarded", "the mailbox was full")


async def test_a_mailbox_can_have_a_minimum_of_its_own(tmp_path: Path) -> None:
    async with voicemail(tmp_path, min_seconds=5.0, refresh_interval=0.02) as plugin:
        await placed(plugin, calling())
        brief = await add(plugin, "brief", settings={"min_seconds": 0.5})
        call = calling(path_params={"mailbox": "brief"})
        await known(plugin, call, brief)
        await take(plugin, call, tone(call))
        await take(plugin, other := calling(), tone(other))
        await shipped(plugin)

    kept = await contents(tmp_path)
    assert kept[call.stream_id].state == "new"
    assert kept[other.stream_id].state == "discarded"


async def test_a_damaged_copy_of_the_mailboxes_is_told_and_made_anew(tmp_path: Path) -> None:
    async with voicemail(tmp_path) as plugin:
        await placed(plugin, calling())
    copy = tmp_path / "mailboxes.json"
    before = await asyncio.to_thread(copy.read_bytes)
    await asyncio.to_thread(copy.write_bytes, b'{"v":')

    async with voicemail(tmp_path, refresh_interval=0.02) as plugin:
        assert plugin.unavailable() is None

        def is_whole() -> bool:
            return len(copy.read_bytes()) == len(before)

        assert await asyncio.to_thread(is_whole)

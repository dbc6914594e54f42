import asyncio
import shutil
from pathlib import Path

import pytest
from message_index import SECRET, make_audit, make_erasures, make_mailbox, make_part, ship

from listen_sinks.voicemail.index.audit_check import check_audit
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_caller, erase_mailbox, erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.holds import hold_message
from listen_sinks.voicemail.index.ledger import BadLedger, Ledger
from listen_sinks.voicemail.index.mailbox_keys import list_keys
from listen_sinks.voicemail.index.mailboxes import change_mailbox
from listen_sinks.voicemail.index.messages import get_message, list_messages
from listen_sinks.voicemail.index.parts import get_message_key, list_parts
from listen_sinks.voicemail.index.redaction import replace_parts
from listen_sinks.voicemail.index.replay import replay_erasures
from listen_sinks.voicemail.index.routes import load_routing
from listen_sinks.voicemail.index.shipping import record_shipped

ACTOR = "user:01kb"
CALLER = "c" * 64


@pytest.fixture
def live(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/live/index.db"


def backup_of(folder: Path) -> str:
    """Copy the database as it is, and return the copy's url."""
    shutil.copytree(folder / "live", folder / "backup")
    return f"sqlite+aiosqlite:///{folder}/backup/index.db"


async def test_a_restored_backup_forgets_what_was_erased_after_it(
    live: str, tmp_path: Path
) -> None:
    database = Database(live)
    erasures = make_erasures(database, tmp_path / "kept")
    first = await make_mailbox(database)
    second = await make_mailbox(database)
    one, kept = [await ship(database, first.id) for _ in range(2)]
    called = await ship(database, first.id, caller=CALLER)
    inside = await ship(database, second.id)
    restored = backup_of(tmp_path)
    later = await ship(database, first.id)  # not in the backup at all
    await erase_message(erasures, "acme", one.message, actor=ACTOR)
    await erase_caller(erasures, "acme", CALLER, actor=ACTOR)
    await erase_mailbox(erasures, "acme", second.id, actor=ACTOR)
    await erase_message(erasures, "acme", later.message, actor=ACTOR)
    await database.close()

    database = Database(restored)
    assert len((await list_messages(database, "acme")).messages) == 4
    replay = await replay_erasures(make_erasures(database, tmp_path / "kept"))

    assert (replay.lines, replay.replayed, replay.cut_lines) == (4, 4, 0)
    assert replay.keys_destroyed == 4  # of three messages, and the mailbox's own
    gone = [one, called, inside, later]
    assert set(replay.objects) == {part.ranges[0].name for part in gone}
    left = [message.id for message in (await list_messages(database, "acme")).messages]
    assert left == [kept.message]
    assert {key.public.mailbox for key in await list_keys(database)} == {first.id}
    for part in gone:
        assert await record_shipped(database, part) == "erased"
        data = b"".join(path.read_bytes() for path in (tmp_path / "backup").iterdir())
        assert part.envelope not in data
    assert (await check_audit(database, make_audit().trusted)).problems == ()
    await database.close()


async def test_replaying_twice_changes_nothing(live: str, tmp_path: Path) -> None:
    database = Database(live)
    erasures = make_erasures(database, tmp_path / "kept")
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    restored = backup_of(tmp_path)
    await erase_message(erasures, "acme", part.message, actor=ACTOR)

    assert (await replay_erasures(erasures)).replayed == 0
    await database.close()
    database = Database(restored)
    again = make_erasures(database, tmp_path / "kept")

    assert [(await replay_erasures(again)).replayed for _ in range(2)] == [1, 0]
    await database.close()


async def test_a_hold_that_the_backup_still_has_does_not_bring_a_message_back(
    live: str, tmp_path: Path
) -> None:
    database = Database(live)
    erasures = make_erasures(database, tmp_path / "kept")
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await hold_message(database, erasures.audit, "acme", part.message, actor=ACTOR)
    restored = backup_of(tmp_path)
    await hold_message(database, erasures.audit, "acme", part.message, actor=ACTOR, on=False)
    await erase_message(erasures, "acme", part.message, actor=ACTOR)
    await database.close()

    database = Database(restored)
    await replay_erasures(make_erasures(database, tmp_path / "kept"))

    with pytest.raises(UnknownMessage):
        await get_message(database, "acme", part.message)
    await database.close()


async def test_a_redacted_part_does_not_come_back(live: str, tmp_path: Path) -> None:
    database = Database(live)
    erasures = make_erasures(database, tmp_path / "kept")
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    restored = backup_of(tmp_path)
    new = make_part(mailbox.id, part.message, 1)
    await replace_parts(erasures, "acme", part.message, [0], [new], actor=ACTOR)
    await database.close()

    database = Database(restored)
    await replay_erasures(make_erasures(database, tmp_path / "kept"))

    assert await get_message_key(database, part.message, 0) is None
    assert await list_parts(database, "acme", part.message) == ()
    assert await record_shipped(database, part) == "erased"
    assert await record_shipped(database, new) == "new"
    await database.close()


async def test_calls_are_taken_though_the_backups_catch_all_is_erased_by_now(
    live: str, tmp_path: Path
) -> None:
    database = Database(live)
    erasures = make_erasures(database, tmp_path / "kept")
    first = await make_mailbox(database)
    second = await make_mailbox(database)
    restored = backup_of(tmp_path)
    await change_mailbox(database, "acme", second.id, catch_all=True)
    await erase_mailbox(erasures, "acme", first.id, actor=ACTOR)
    await database.close()

    database = Database(restored)
    await replay_erasures(make_erasures(database, tmp_path / "kept"))

    routes = (await load_routing(database, SECRET)).tenants["acme"]
    assert (routes.catch_all, list(routes.mailboxes)) == (second.id, [second.id])
    await database.close()


async def test_a_ledger_is_replayed_into_an_empty_database_too(
    database: Database, live: str, tmp_path: Path
) -> None:
    source = Database(live)
    erasures = make_erasures(source, tmp_path / "kept")
    mailbox = await make_mailbox(source)
    part = await ship(source, mailbox.id)
    await erase_mailbox(erasures, "acme", (await make_mailbox(source)).id, actor=ACTOR)
    await erase_message(erasures, "acme", part.message, actor=ACTOR)
    await source.close()

    replay = await replay_erasures(make_erasures(database, tmp_path / "kept"))

    assert (replay.replayed, replay.keys_destroyed) == (2, 0)
    assert replay.objects == (part.ranges[0].name,)


async def test_a_damaged_ledger_stops_before_anything_is_done(
    database: Database, tmp_path: Path
) -> None:
    erasures = make_erasures(database, tmp_path / "kept")
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await erase_message(erasures, "acme", part.message, actor=ACTOR)
    with (tmp_path / "kept" / "erasures.jsonl").open("ab") as file:
        file.write(b'{"v":1,"erasure":}\n')

    with pytest.raises(BadLedger):
        await replay_erasures(erasures)


async def test_what_a_crash_cut_off_before_it_was_done_is_not_replayed(
    database: Database, live: str, tmp_path: Path
) -> None:
    source = Database(live)
    mailbox = await make_mailbox(source)
    part = await ship(source, mailbox.id)
    await erase_message(make_erasures(source, tmp_path / "kept"), "acme", part.message, actor=ACTOR)
    await source.close()
    ledger = tmp_path / "kept" / "erasures.jsonl"
    begun, _done = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(begun)

    replay = await replay_erasures(make_erasures(database, tmp_path / "kept"))

    assert (replay.lines, replay.replayed, replay.doubtful) == (1, 0, 1)
    assert (await asyncio.to_thread(Ledger(ledger).read)).done == frozenset()


async def test_two_processes_that_replay_at_once_do_it_once(
    database: Database, live: str, tmp_path: Path
) -> None:
    source = Database(live)
    mailbox = await make_mailbox(source)
    parts = [await ship(source, mailbox.id) for _ in range(5)]
    for part in parts:
        await erase_message(
            make_erasures(source, tmp_path / "kept"), "acme", part.message, actor=ACTOR
        )
    await source.close()

    replays = await asyncio.gather(
        *[replay_erasures(make_erasures(database, tmp_path / "kept")) for _ in range(3)]
    )

    assert sum(replay.replayed for replay in replays) == 5
    assert all(replay.doubtful == 0 for replay in replays)

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import until
from mailbox_contents import shipped, take, voicemail
from stored_messages import ACTOR, TENANT, Kept, kept, speech
from structlog.testing import capture_logs
from ulid import ULID

from listen_sinks.objects import ObjectsAway, ObjectStore, directory_url
from listen_sinks.testing import make_call, tone
from listen_sinks.voicemail.housekeeping import TASK, Housekeeping, Round
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.destroying import Destroyed
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import IndexAway, UnknownMessage
from listen_sinks.voicemail.index.leases import claim_task, drop_task
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.mailboxes import change_mailbox
from listen_sinks.voicemail.index.messages import delete_message, get_message, list_messages
from listen_sinks.voicemail.index.parts import get_message_key
from listen_sinks.voicemail.index.schema import MessageRow


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


def erasures_of(box: Kept, database: Database | None = None) -> Erasures:
    ledger = Ledger(box.folder / "erasures.jsonl")
    return Erasures(database or box.database, box.audit, ledger)


async def keep(box: Kept, **rules: float | None) -> None:
    await change_mailbox(box.database, TENANT, box.key.public.mailbox, settings=rules)


async def test_a_round_deletes_by_age_erases_what_was_deleted_and_its_objects(box: Kept) -> None:
    old, deleted, young = [await box.leave(speech(0.2)) for _ in range(3)]
    await delete_message(box.database, TENANT, deleted, datetime.now(UTC))
    await keep(box, keep_heard_days=0.0, undelete_days=0.0)
    async with box.database.writing() as session:
        row = await session.get_one(MessageRow, old)
        row.state = "heard"

    done = await Round(erasures_of(box), box.objects).all()

    assert (done.deleted, done.erased, done.objects, done.failures) == (1, 1, 1, [])
    assert not box.path(deleted).exists()
    assert await get_message_key(box.database, deleted, 0) is None
    assert (await get_message(box.database, TENANT, old)).state == "deleted"
    assert (await get_message(box.database, TENANT, young)).state == "new"
    again = await Round(erasures_of(box), box.objects).all()
    assert (again.deleted, again.erased) == (0, 1)
    assert not await Round(erasures_of(box), box.objects).all()


async def test_what_a_crash_left_of_an_erasure_is_finished(box: Kept) -> None:
    message = await box.leave(speech(0.2))
    await erase_message(erasures_of(box), TENANT, message, actor=ACTOR)
    assert box.path(message).exists()

    done = await Round(erasures_of(box), box.objects).all()

    assert done.objects == 1
    assert not box.path(message).exists()
    assert await erasures_of(box).unfinished() == ()


async def test_a_restored_backup_forgets_again_what_was_erased(box: Kept, tmp_path: Path) -> None:
    message = await box.leave(speech(0.2))
    await box.database.scrub()
    shutil.copy(tmp_path / "index.db", tmp_path / "backup.db")
    await erase_message(erasures_of(box), TENANT, message, actor=ACTOR)
    restored = Database(f"sqlite+aiosqlite:///{tmp_path / 'backup.db'}")

    done = await Round(erasures_of(box, restored), box.objects).all()

    assert (done.replayed, done.objects) == (1, 1)
    with pytest.raises(UnknownMessage):
        await get_message(restored, TENANT, message)
    await restored.close()


async def test_an_erasure_that_never_came_into_the_index_is_not_made_up_later(box: Kept) -> None:
    message = await box.leave(speech(0.2))
    erasures = erasures_of(box)

    async with box.database.writing() as session:
        row = await erasures.begin(session, "redaction", TENANT, None)
        done = Destroyed(parts=[(message, 0)], objects=["v1/x"])
        event = AuditEvent("redact", ACTOR, message)
        await erasures.complete(session, row, done, event)
        await session.rollback()  # as a crash before the commit does

    tidied = await Round(erasures_of(box), box.objects).all()

    assert (tidied.replayed, tidied.doubtful, tidied.failures) == (0, 1, [])
    assert await get_message_key(box.database, message, 0) is not None


async def test_a_done_word_that_was_lost_is_written_later(
    box: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await box.leave(speech(0.2))

    def full(*_: object) -> None:
        raise IndexAway("the erasure ledger cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "confirm", full)
        receipt = await erase_message(erasures_of(box), TENANT, message, actor=ACTOR)
    ledger = Ledger(tmp_path / "erasures.jsonl")
    assert (await asyncio.to_thread(ledger.read)).done == frozenset()

    await Round(erasures_of(box), box.objects).all()

    assert (await asyncio.to_thread(ledger.read)).done == {receipt.erasure}


async def test_a_store_that_is_away_keeps_no_message_from_being_erased(box: Kept) -> None:
    class Away(ObjectStore):
        async def delete(self, name: str) -> None:
            del name
            raise ObjectsAway("no route")

    message = await box.leave(speech(0.2))
    await delete_message(box.database, TENANT, message, datetime.now(UTC))
    await keep(box, undelete_days=0.0)

    done = await Round(erasures_of(box), Away(directory_url(box.folder / "store"))).all()

    assert done.erased == 1
    assert done.failures == ["finishing erasures: the store is away (no route)"]
    assert await get_message_key(box.database, message, 0) is None
    assert (await Round(erasures_of(box), box.objects).all()).objects == 1


async def test_a_damaged_ledger_is_told_and_the_rest_is_done(box: Kept, tmp_path: Path) -> None:
    (tmp_path / "erasures.jsonl").write_bytes(b'{"v":1}\n')
    message = await box.leave(speech(0.2))
    await keep(box, keep_new_days=0.0)

    done = await Round(erasures_of(box), box.objects).all()

    assert done.deleted == 1
    assert "line 1 of the erasure ledger cannot be read" in done.failures[0]
    assert (await get_message(box.database, TENANT, message)).state == "deleted"


async def test_of_several_processes_one_keeps_house(box: Kept) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert await claim_task(box.database, TASK, "another", soon)
    await box.leave(speech(0.2))
    await keep(box, keep_new_days=0.0)
    ours = Housekeeping(erasures_of(box), box.objects, interval=0.02)

    ours.start()
    await until(lambda: ours.rounds >= 2)
    waiting = len((await list_messages(box.database, TENANT)).messages)
    await drop_task(box.database, TASK, "another")
    await until(lambda: bool(ours._is_mine))
    done = ours.rounds
    await until(lambda: ours.rounds > done)
    taken = await claim_task(box.database, TASK, "another", soon)
    await ours.close()

    assert waiting == 1
    assert (await list_messages(box.database, TENANT)).messages == ()
    assert not taken
    assert await claim_task(box.database, TASK, "another", soon)  # it is free at once


async def test_a_dead_process_is_followed_by_another(box: Kept) -> None:
    now = datetime.now(UTC)
    assert await claim_task(box.database, TASK, "dead", now - timedelta(seconds=1))

    assert await claim_task(box.database, TASK, "alive", now + timedelta(minutes=1))
    assert not await claim_task(box.database, TASK, "dead", now + timedelta(minutes=1))


async def test_a_server_deletes_by_age_while_it_takes_calls(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path, housekeeping_interval=0.05) as plugin:
        await take(plugin, call, tone(call))
        await shipped(plugin)
        database = plugin.database
        (message,) = (await list_messages(database, "example")).messages
        rules = {"keep_new_days": 0.0, "undelete_days": 0.0}
        await change_mailbox(database, "example", message.mailbox, settings=rules)

        store = tmp_path / "store"
        await until(lambda: not list(store.rglob("*.lsv1")))

        with pytest.raises(UnknownMessage):
            await get_message(database, "example", message.id)


async def test_a_failure_is_one_sentence_in_the_log_and_tried_again(
    box: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise IndexAway("the index is locked")

    monkeypatch.setattr("listen_sinks.voicemail.housekeeping.claim_task", away)
    ours = Housekeeping(erasures_of(box), box.objects, interval=0.02)

    with capture_logs() as lines:
        ours.start()
        await until(lambda: ours.rounds >= 2)
        await ours.close()

    assert lines[0] == {
        "event": "housekeeping could not be done: trying again",
        "failure": "asking whose turn it is: the index is locked",
        "log_level": "warning",
    }
    assert len(lines) >= 2


async def test_an_interval_of_0_leaves_it_to_others(box: Kept) -> None:
    ours = Housekeeping(erasures_of(box), box.objects, interval=0.0)

    ours.start()
    await asyncio.sleep(0)
    await ours.close()

    assert ours.rounds == 0
    assert await claim_task(box.database, TASK, str(ULID()), datetime.now(UTC))


async def test_keys_that_may_still_be_in_the_files_are_told_and_tried_again(
    box: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def others_read(*_: object) -> bool:
        return False

    message = await box.leave(speech(0.2))
    with monkeypatch.context() as patched:
        patched.setattr(Database, "scrub", others_read)
        receipt = await erase_message(erasures_of(box), TENANT, message, actor=ACTOR)
        first = await Round(erasures_of(box), box.objects).all()

    second = await Round(erasures_of(box), box.objects).all()

    assert receipt.scrubbed_at is None
    assert (first.unscrubbed, first.objects) == (True, 1)
    assert not second.unscrubbed

import asyncio
from pathlib import Path

import pytest
from message_index import NOON, SECRET, make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index import statements
from listen_sinks.voicemail.index.audit_check import check_audit
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_caller, erase_mailbox, erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import (
    CatchAllNeeded,
    IndexAway,
    OnHold,
    UnknownMailbox,
    UnknownMessage,
)
from listen_sinks.voicemail.index.holds import hold_message
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.mailbox_keys import list_keys
from listen_sinks.voicemail.index.mailboxes import list_mailboxes
from listen_sinks.voicemail.index.messages import delete_message, get_message, list_messages
from listen_sinks.voicemail.index.parts import get_message_key, get_values, list_parts
from listen_sinks.voicemail.index.routes import load_routing
from listen_sinks.voicemail.index.shipping import record_discarded, record_shipped

ACTOR = "user:01kb"
CALLER = "c" * 64


async def test_an_erased_message_is_gone_with_its_keys_and_words(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    second = make_part(mailbox.id, part.message, 1)
    await record_shipped(database, second)
    other = await ship(database, mailbox.id)

    receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)

    with pytest.raises(UnknownMessage):
        await get_message(database, "acme", part.message)
    for number in (0, 1):
        assert await get_message_key(database, part.message, number) is None
        assert await get_values(database, part.message, number) == {}
    assert await list_parts(database, "acme", part.message) == ()
    assert receipt.messages == (part.message,)
    assert receipt.objects == (part.ranges[0].name, second.ranges[0].name)
    assert (receipt.keys_destroyed, receipt.kind, receipt.held) == (2, "message", ())
    assert receipt.scrubbed_at is not None
    assert await get_message_key(database, other.message, 0) is not None


async def test_erasing_again_gives_the_receipt_of_the_first_time(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    first = await erase_message(erasures, "acme", part.message, actor=ACTOR)
    again = await erase_message(erasures, "acme", part.message, actor=ACTOR)

    assert again == first
    assert len((await asyncio.to_thread(erasures.ledger.read)).lines) == 1


async def test_who_erases_at_once_gets_one_receipt(database: Database, erasures: Erasures) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    receipts = await asyncio.gather(
        *[erase_message(erasures, "acme", part.message, actor=ACTOR) for _ in range(4)]
    )

    assert {receipt.erasure for receipt in receipts} == {receipts[0].erasure}


async def test_nothing_brings_an_erased_message_back(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await erase_message(erasures, "acme", part.message, actor=ACTOR)

    assert await record_shipped(database, part) == "erased"
    assert await record_shipped(database, make_part(mailbox.id, part.message, 7)) == "erased"
    told = await record_discarded(
        database, part.message, mailbox.id, "too short", started_at=NOON, ended_at=NOON
    )
    assert told == "erased"
    assert (await list_messages(database, "acme")).messages == ()


async def test_an_erasure_in_the_midst_of_shipping_wins(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    for _ in range(5):
        part = await ship(database, mailbox.id)
        parts = [make_part(mailbox.id, part.message, number) for number in range(1, 5)]

        await asyncio.gather(
            *[record_shipped(database, one) for one in parts],
            erase_message(erasures, "acme", part.message, actor=ACTOR),
        )

        for number in range(5):
            assert await get_message_key(database, part.message, number) is None
        assert await list_parts(database, "acme", part.message) == ()


async def test_everything_of_a_caller_goes_and_nothing_of_another(
    database: Database, erasures: Erasures
) -> None:
    mailboxes = [await make_mailbox(database) for _ in range(2)]
    theirs = await make_mailbox(database, "globex")
    mine = [await ship(database, box.id, caller=CALLER) for box in mailboxes]
    held = await ship(database, mailboxes[0].id, caller=CALLER)
    await hold_message(database, erasures.audit, "acme", held.message, actor=ACTOR)
    stays = [
        await ship(database, mailboxes[0].id, caller="d" * 64),
        await ship(database, mailboxes[0].id),
    ]
    elsewhere = await ship(database, theirs.id, caller=CALLER)

    receipt = await erase_caller(erasures, "acme", CALLER, actor=ACTOR)

    assert receipt.messages == tuple(part.message for part in mine)
    assert receipt.held == (held.message,)
    left = {one.id for one in (await list_messages(database, "acme")).messages}
    assert left == {held.message, *(part.message for part in stays)}
    assert (await list_messages(database, "globex")).messages[0].id == elsewhere.message


async def test_an_erased_mailbox_leaves_no_key_no_message_and_no_number(
    database: Database, erasures: Erasures
) -> None:
    first = await make_mailbox(database)
    mailbox = await make_mailbox(database, addresses=["1" * 64], profile=b"sealed")
    part = await ship(database, mailbox.id)
    kept = await ship(database, first.id)

    receipt = await erase_mailbox(erasures, "acme", mailbox.id, actor=ACTOR)

    assert receipt.keys_destroyed == 2  # the message's, and the mailbox's own
    assert receipt.scrubbed_at is not None
    assert [key.public.mailbox for key in await list_keys(database)] == [first.id]
    assert [one.id for one in await list_mailboxes(database, "acme")] == [first.id]
    routes = (await load_routing(database, SECRET)).tenants["acme"]
    assert (list(routes.mailboxes), dict(routes.addresses)) == ([first.id], {})
    assert await record_shipped(database, make_part(mailbox.id)) == "erased"
    assert await record_shipped(database, part) == "erased"
    assert (await list_messages(database, "acme")).messages[0].id == kept.message
    with pytest.raises(UnknownMailbox):
        await erase_mailbox(erasures, "acme", mailbox.id, actor=ACTOR)


async def test_the_catch_all_goes_last(database: Database, erasures: Erasures) -> None:
    catch_all = await make_mailbox(database)
    other = await make_mailbox(database)

    with pytest.raises(CatchAllNeeded):
        await erase_mailbox(erasures, "acme", catch_all.id, actor=ACTOR)
    await erase_mailbox(erasures, "acme", other.id, actor=ACTOR)
    await erase_mailbox(erasures, "acme", catch_all.id, actor=ACTOR)

    assert await list_mailboxes(database, "acme") == ()
    assert (await make_mailbox(database)).catch_all


async def test_nobody_erases_what_is_another_tenants(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    await make_mailbox(database, "globex")
    part = await ship(database, mailbox.id, caller=CALLER)

    with pytest.raises(UnknownMessage):
        await erase_message(erasures, "globex", part.message, actor=ACTOR)
    with pytest.raises(UnknownMailbox):
        await erase_mailbox(erasures, "globex", mailbox.id, actor=ACTOR)
    receipt = await erase_caller(erasures, "globex", CALLER, actor=ACTOR)
    assert receipt.messages == ()
    await erase_message(erasures, "acme", part.message, actor=ACTOR)
    with pytest.raises(UnknownMessage):
        await erase_message(erasures, "globex", part.message, actor=ACTOR)


async def test_what_never_was_cannot_be_erased(database: Database, erasures: Erasures) -> None:
    await make_mailbox(database)

    with pytest.raises(UnknownMessage):
        await erase_message(erasures, "acme", str(ULID()), actor=ACTOR)


async def test_every_erasure_is_in_the_audit_log_and_so_is_one_that_a_hold_refused(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await hold_message(database, erasures.audit, "acme", part.message, actor=ACTOR)
    with pytest.raises(OnHold):
        await erase_message(erasures, "acme", part.message, actor=ACTOR)
    await hold_message(database, erasures.audit, "acme", part.message, actor=ACTOR, on=False)

    receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)

    report = await check_audit(database, erasures.audit.trusted)
    assert report.problems == ()
    assert report.entries == 5  # start, hold, refused, release, erase
    assert receipt.audit.number == 4


async def test_without_a_line_in_the_ledger_nothing_is_erased(
    database: Database, erasures: Erasures, tmp_path: Path
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    (tmp_path / "full").write_text("a file where a folder should be")
    broken = Erasures(database, erasures.audit, Ledger(tmp_path / "full" / "erasures.jsonl"))

    with pytest.raises(IndexAway, match="the erasure ledger cannot be written"):
        await erase_message(broken, "acme", part.message, actor=ACTOR)

    assert await get_message_key(database, part.message, 0) is not None
    assert (await get_message(database, "acme", part.message)).state == "new"


async def test_objects_are_asked_for_until_they_are_gone(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)

    assert await erasures.unfinished() == (receipt,)
    await erasures.objects_gone(receipt.erasure)
    assert await erasures.unfinished() == ()

    done = await erase_message(erasures, "acme", part.message, actor=ACTOR)
    assert done.objects_gone_at is not None
    assert (done.messages, done.objects) == ((part.message,), ())


async def test_a_deleted_message_can_be_erased_at_once(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await delete_message(database, "acme", part.message, NOON)

    receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)

    assert receipt.messages == (part.message,)


async def test_more_messages_than_one_statement_takes_are_erased_together(
    database: Database, erasures: Erasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_AT_ONCE", 3)
    mailbox = await make_mailbox(database)
    for _ in range(10):
        await ship(database, mailbox.id, caller=CALLER)

    receipt = await erase_caller(erasures, "acme", CALLER, actor=ACTOR)

    assert len(receipt.messages) == len(receipt.objects) == receipt.keys_destroyed == 10
    assert (await list_messages(database, "acme")).messages == ()

import asyncio
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from message_index import NOON, make_mailbox, make_part, ship
from ulid import ULID

from listen_codecs.formats import AudioFormat
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import DifferentPart, UnknownMailbox
from listen_sinks.voicemail.index.messages import delete_message, get_message, list_messages
from listen_sinks.voicemail.index.parts import get_message_key, get_values, list_parts
from listen_sinks.voicemail.index.shipping import record_discarded, record_shipped
from listen_sinks.voicemail.index.usage import count_messages


async def test_a_shipped_part_comes_back_as_it_went_in(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = make_part(mailbox.id, tails=b"tail records", caller="c" * 64)

    assert await record_shipped(database, part) == "new"

    message = await get_message(database, "acme", part.message)
    (stored,) = await list_parts(database, "acme", part.message)
    key = await get_message_key(database, part.message, 0)
    assert (message.state, message.outcome, message.seconds) == ("new", "complete", 10.0)
    assert (message.started_at, message.ended_at) == (part.started_at, part.ended_at)
    assert (message.mailbox, message.caller, message.size) == (mailbox.id, "c" * 64, part.size)
    assert (stored.digest, stored.ranges, stored.tails) == (part.digest, part.ranges, part.tails)
    assert (stored.format, stored.frames, stored.size) == (part.format, part.frames, part.size)
    assert key is not None
    assert (key.envelope, key.mailbox, key.key_version) == (part.envelope, mailbox.id, 1)
    assert await get_values(database, part.message, 0) == part.values


async def test_shipping_again_changes_nothing(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    before = await get_message(database, "acme", part.message)

    again = replace(part, envelope=os.urandom(80), values={"meta": b"other"})
    assert await record_shipped(database, again) == "known"

    key = await get_message_key(database, part.message, 0)
    assert await get_message(database, "acme", part.message) == before
    assert key is not None
    assert key.envelope == part.envelope
    assert await get_values(database, part.message, 0) == part.values


async def test_workers_that_ship_the_same_part_at_once_make_one_message(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = make_part(mailbox.id)

    told = await asyncio.gather(*[record_shipped(database, part) for _ in range(10)])

    assert sorted(told) == ["known"] * 9 + ["new"]
    assert (await get_message(database, "acme", part.message)).seconds == 10.0


async def test_the_same_part_with_other_bytes_is_refused_and_the_first_stays(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    with pytest.raises(DifferentPart):
        await record_shipped(database, replace(part, digest=bytes(32)))

    (stored,) = await list_parts(database, "acme", part.message)
    assert stored.digest == part.digest


async def test_a_call_that_was_resumed_is_one_message_of_two_parts(database: Database) -> None:
    mailbox = await make_mailbox(database)
    later = NOON + timedelta(minutes=1)
    second = make_part(
        mailbox.id,
        part=1,
        started_at=later,
        ended_at=later + timedelta(seconds=5),
        format=AudioFormat(16000, "stereo"),
    )
    first = replace(
        make_part(mailbox.id, second.message), outcome="interrupted", reason="the peer vanished"
    )

    for part in (second, first):  # in whatever order they come
        assert await record_shipped(database, part) == "new"

    message = await get_message(database, "acme", first.message)
    parts = await list_parts(database, "acme", first.message)
    assert [part.part for part in parts] == [0, 1]
    assert message.seconds == 10.0 + 80_000 / 16_000
    assert message.size == first.size + second.size
    assert (message.started_at, message.ended_at) == (first.started_at, second.ended_at)
    assert message.outcome == "complete"


async def test_a_part_that_comes_late_does_not_undelete_its_message(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    await delete_message(database, "acme", part.message, NOON)

    await record_shipped(database, make_part(mailbox.id, part.message, 1))

    assert (await get_message(database, "acme", part.message)).state == "deleted"


async def test_a_mailbox_that_the_index_does_not_know_is_told(database: Database) -> None:
    await make_mailbox(database)

    with pytest.raises(UnknownMailbox):
        await record_shipped(database, make_part(str(ULID())))


async def test_an_object_in_many_pieces_keeps_their_order(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = make_part(mailbox.id)
    (whole,) = part.ranges
    pieces = tuple(replace(whole, name=f"piece-{9 - n}", offset=n, length=7) for n in range(10))

    await record_shipped(database, replace(part, ranges=pieces))

    (stored,) = await list_parts(database, "acme", part.message)
    assert stored.ranges == pieces


async def test_a_discarded_call_is_counted_once_and_in_no_list(database: Database) -> None:
    mailbox = await make_mailbox(database)
    message = str(ULID())

    for told in ("new", "known"):
        assert (
            await record_discarded(
                database, message, mailbox.id, "too short", started_at=NOON, ended_at=NOON
            )
            == told
        )

    assert (await count_messages(database, "acme", mailbox.id))["discarded"] == 1
    assert (await list_messages(database, "acme", mailbox.id)).messages == ()
    assert (await get_message(database, "acme", message)).outcome == "discarded"


async def test_a_message_is_not_discarded_once_audio_of_it_is_stored(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    told = await record_discarded(
        database, part.message, mailbox.id, "too short", started_at=NOON, ended_at=NOON
    )

    assert told == "known"
    assert (await get_message(database, "acme", part.message)).state == "new"

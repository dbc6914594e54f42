import os

import pytest
from message_index import make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged, UnknownMessage
from listen_sinks.voicemail.index.parts import (
    count_parts,
    every_part,
    get_message_key,
    get_values,
    list_message_keys,
    list_parts,
    put_value,
    replace_message_key,
)
from listen_sinks.voicemail.index.records import SealedKey
from listen_sinks.voicemail.index.shipping import record_shipped


async def test_a_transcript_that_grows_takes_the_place_of_the_shorter_one(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id, values={"meta": b"m"})

    await put_value(database, part.message, 0, "transcript", b"short")
    await put_value(database, part.message, 0, "transcript", b"a longer one")

    assert await get_values(database, part.message, 0) == {
        "meta": b"m",
        "transcript": b"a longer one",
    }


async def test_there_is_no_word_about_a_part_that_is_not_there(database: Database) -> None:
    await make_mailbox(database)

    with pytest.raises(UnknownMessage):
        await put_value(database, str(ULID()), 0, "transcript", b"words")


async def test_words_that_come_later_are_a_part_without_audio(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    words = make_part(
        mailbox.id, part.message, 1, frames=0, size=0, ranges=(), values={"transcript": b"words"}
    )

    await record_shipped(database, words)

    assert await get_values(database, part.message, 1) == {"transcript": b"words"}
    assert [one.frames for one in await list_parts(database, "acme", part.message)] == [80_000, 0]


async def test_parts_of_another_tenants_message_are_not_listed(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)

    assert await list_parts(database, "globex", part.message) == ()


async def test_who_checks_the_store_meets_every_part_once(database: Database) -> None:
    mailbox = await make_mailbox(database)
    stranger = await make_mailbox(database, "globex")
    expected = set()
    for box in (mailbox, stranger):
        for _ in range(4):
            first = await ship(database, box.id)
            await record_shipped(database, make_part(box.id, first.message, 1))
            expected |= {(first.message, 0), (first.message, 1)}

    met: list[tuple[str, int]] = []
    while page := await every_part(database, met[-1] if met else None, limit=3):
        met += [(message, part.part) for message, part in page]

    assert met == sorted(expected)
    assert await count_parts(database) == len(expected)


async def test_old_messages_are_sealed_to_a_new_key_one_after_the_other(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    parts = [await ship(database, mailbox.id) for _ in range(7)]

    while old := await list_message_keys(database, mailbox.id, 1, limit=3):
        for key in old:
            new = SealedKey(key.message, key.part, key.mailbox, 2, os.urandom(80))
            await replace_message_key(database, key, new)
            await replace_message_key(database, key, new)

    keys = [await get_message_key(database, part.message, 0) for part in parts]
    assert {key and key.key_version for key in keys} == {2}
    assert len(await list_message_keys(database, mailbox.id, 2)) == 7


async def test_an_envelope_that_somebody_else_has_changed_is_left_alone(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    key = await get_message_key(database, part.message, 0)
    assert key is not None
    read_wrong = SealedKey(part.message, 0, mailbox.id, 1, os.urandom(80))

    with pytest.raises(KeyChanged):
        await replace_message_key(database, read_wrong, read_wrong)

    assert await get_message_key(database, part.message, 0) == key

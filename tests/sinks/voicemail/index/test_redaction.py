import os
from dataclasses import replace
from pathlib import Path

import pytest
from message_index import make_erasures, make_mailbox, make_part, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMessage, WrongState
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.parts import get_message_key, get_values, list_parts
from listen_sinks.voicemail.index.redaction import next_part, replace_parts
from listen_sinks.voicemail.index.shipping import record_shipped

ACTOR = "user:01kb"


async def test_a_redacted_part_gives_way_to_a_new_one_in_its_place(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    old = await ship(database, mailbox.id)
    await record_shipped(database, make_part(mailbox.id, old.message, 1))
    number = await next_part(erasures, "acme", old.message)
    new = make_part(mailbox.id, old.message, number, frames=40_000, size=80_500)

    receipt = await replace_parts(erasures, "acme", old.message, [0], [new], actor=ACTOR)

    message = await get_message(database, "acme", old.message)
    key = await get_message_key(database, old.message, number)
    parts = await list_parts(database, "acme", old.message)
    assert [part.part for part in parts] == [2, 1]
    assert (message.seconds, message.size) == (15.0, 80_500 + 160_500)
    assert await get_message_key(database, old.message, 0) is None
    assert await get_values(database, old.message, 0) == {}
    assert await get_values(database, old.message, number) == new.values
    assert key is not None
    assert key.envelope == new.envelope
    assert (receipt.kind, receipt.messages, receipt.parts) == (
        "redaction",
        (),
        ((old.message, 0),),
    )
    assert receipt.objects == (old.ranges[0].name,)
    assert receipt.scrubbed_at is not None


async def test_words_that_came_later_go_with_the_audio_they_are_of(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    audio = await ship(database, mailbox.id)
    words = make_part(mailbox.id, audio.message, 1, frames=0, size=0, ranges=())
    await record_shipped(database, words)
    new = [make_part(mailbox.id, audio.message, number) for number in (2, 3)]

    receipt = await replace_parts(erasures, "acme", audio.message, [0, 1], new, actor=ACTOR)

    assert receipt.parts == ((audio.message, 0), (audio.message, 1))
    assert receipt.keys_destroyed == 2
    assert [part.part for part in await list_parts(database, "acme", audio.message)] == [2, 3]


async def test_redacting_again_gives_the_receipt_of_the_first_time(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    old = await ship(database, mailbox.id)
    new = make_part(mailbox.id, old.message, 1)

    first = await replace_parts(erasures, "acme", old.message, [0], [new], actor=ACTOR)
    again = await replace_parts(erasures, "acme", old.message, [0], [new], actor=ACTOR)

    assert first == again


async def test_nothing_brings_a_redacted_part_back_or_takes_its_number(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    old = await ship(database, mailbox.id)
    new = make_part(mailbox.id, old.message, 1)
    await replace_parts(erasures, "acme", old.message, [0], [new], actor=ACTOR)

    assert await record_shipped(database, old) == "erased"
    for number in (0, 1):
        taken = make_part(mailbox.id, old.message, number)
        with pytest.raises(WrongState, match="a number that it never had"):
            await replace_parts(erasures, "acme", old.message, [1], [taken], actor=ACTOR)
    stranger = make_part(mailbox.id, str(ULID()), 2)
    with pytest.raises(WrongState):
        await replace_parts(erasures, "acme", old.message, [1], [stranger], actor=ACTOR)
    assert await next_part(erasures, "acme", old.message) == 2
    assert [part.part for part in await list_parts(database, "acme", old.message)] == [1]


async def test_what_is_not_there_cannot_be_redacted(database: Database, erasures: Erasures) -> None:
    mailbox = await make_mailbox(database)
    await make_mailbox(database, "globex")
    part = await ship(database, mailbox.id)
    new = make_part(mailbox.id, part.message, 9)

    for tenant, message, old in [
        ("acme", part.message, [7]),
        ("acme", part.message, []),
        ("acme", str(ULID()), [0]),
        ("globex", part.message, [0]),
    ]:
        with pytest.raises(UnknownMessage):
            await replace_parts(erasures, tenant, message, old, [new], actor=ACTOR)
    with pytest.raises(UnknownMessage):
        await next_part(erasures, "globex", part.message)
    assert await get_message_key(database, part.message, 0) is not None


async def test_a_redacted_key_is_nowhere_in_sqlites_files(sqlite_url: str, tmp_path: Path) -> None:

    database = Database(sqlite_url)
    mailbox = await make_mailbox(database)
    old = await ship(database, mailbox.id, values={"peaks": os.urandom(300)})
    new = replace(make_part(mailbox.id, old.message, 1), envelope=os.urandom(80))

    erasures = make_erasures(database, tmp_path / "kept")
    await replace_parts(erasures, "acme", old.message, [0], [new], actor=ACTOR)

    data = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    assert old.envelope not in data
    assert old.values["peaks"] not in data
    assert new.envelope in data
    await database.close()

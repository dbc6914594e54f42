"""Transcripts find their message, go with it, and are known to be missing where they are."""

from datetime import timedelta

import pytest
from message_index import NOON, make_mailbox, make_part, ship
from sqlalchemy import select
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.messages import delete_message
from listen_sinks.voicemail.index.outbox import Subscription, subscribe
from listen_sinks.voicemail.index.parts import get_message_key, get_values, list_parts
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.schema import EventRow, MessageRow
from listen_sinks.voicemail.index.transcripts import (
    count_untranscribed,
    put_transcript,
    record_words,
    total_untranscribed,
    untranscribed,
)


def words_of(audio: ShippedPart, label: str = "transcript") -> ShippedPart:
    changes = {"frames": 0, "size": 0, "ranges": (), "values": {label: b"sealed"}}
    return make_part(audio.mailbox, audio.message, 1, **changes)


async def events(database: Database) -> list[tuple[str, int]]:
    async with database.reading() as session:
        rows = await session.scalars(select(EventRow).order_by(EventRow.id))
        return [(row.type, row.data["part"]) for row in rows]


async def subscribed(database: Database) -> None:
    wanted = Subscription(["message.transcribed"], None, "0" * 64)
    await subscribe(database, {"crm": wanted})


async def test_late_words_are_added_once_and_told_once(database: Database) -> None:
    await subscribed(database)
    mailbox = await make_mailbox(database)
    audio = await ship(database, mailbox.id)
    async with database.reading() as session:
        before = await session.get_one(MessageRow, audio.message)
    words = words_of(audio)

    recorded = [
        await record_words(database, words, of=0, engine="google"),
        await record_words(database, words, of=0, engine="google"),
    ]
    assert recorded == ["new", "known"]
    assert await get_values(database, audio.message, 1) == {"transcript": b"sealed"}
    assert await events(database) == [("message.transcribed", 1)]
    async with database.reading() as session:
        after = await session.get_one(MessageRow, audio.message)
    assert (after.seconds, after.size, after.state) == (before.seconds, before.size, before.state)


async def test_words_wait_for_their_audio(database: Database) -> None:
    mailbox = await make_mailbox(database)
    audio = make_part(mailbox.id)
    with pytest.raises(UnknownMessage):
        await record_words(database, words_of(audio), of=0, engine=None)


async def test_words_of_a_message_that_was_erased_are_not_kept(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    audio = await ship(database, mailbox.id)
    await erase_message(erasures, "acme", audio.message, actor="operator")

    assert await record_words(database, words_of(audio), of=0, engine="google") == "erased"
    assert await get_message_key(database, audio.message, 1) is None
    assert await list_parts(database, "acme", audio.message) == ()


async def test_a_transcript_takes_the_place_of_what_there_was_of_one(database: Database) -> None:
    await subscribed(database)
    mailbox = await make_mailbox(database)
    audio = await ship(database, mailbox.id, values={"meta": b"m", "words": b"some"})

    await put_transcript(database, audio.message, 0, b"all", engine="google")
    assert await get_values(database, audio.message, 0) == {"meta": b"m", "transcript": b"all"}
    await put_transcript(database, audio.message, 0, b"better", engine="google")
    assert (await get_values(database, audio.message, 0))["transcript"] == b"better"
    assert await events(database) == [("message.transcribed", 0)] * 2
    with pytest.raises(UnknownMessage):
        await put_transcript(database, audio.message, 7, b"all", engine="google")
    with pytest.raises(UnknownMessage):
        await put_transcript(database, str(ULID()), 0, b"all", engine="google")


async def test_only_what_has_audio_and_no_transcript_is_to_be_transcribed(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    bare = await ship(database, mailbox.id)
    begun = await ship(database, mailbox.id, values={"words": b"some"})
    late = await ship(database, mailbox.id, values={"words": b"some"})
    await record_words(database, words_of(late), of=0, engine="google")
    half = await ship(database, mailbox.id)
    await record_words(database, words_of(half, "words"), of=0, engine=None)
    await ship(database, mailbox.id, values={"transcript": b"all"})
    await ship(database, mailbox.id, frames=0)
    deleted = await ship(database, mailbox.id)
    await delete_message(database, "acme", deleted.message, NOON)

    found = await untranscribed(database)
    assert [one.message for one in found] == sorted([bare.message, begun.message, half.message])
    assert {(one.tenant, one.part, one.seconds) for one in found} == {("acme", 0, 10.0)}
    assert await total_untranscribed(database) == pytest.approx(30.0)
    waiting = await untranscribed(database, begun=True)
    assert {one.message for one in waiting} == {begun.message, half.message}

    counted = await count_untranscribed(database, after=NOON, before=NOON + timedelta(hours=1))
    assert counted == (2, begun.size + half.size, begun.ended_at)
    long_ago = {"after": NOON - timedelta(days=9), "before": NOON}
    assert await count_untranscribed(database, **long_ago) == (0, 0, None)


async def test_they_come_in_pages_and_by_their_end(database: Database) -> None:
    mailbox = await make_mailbox(database)
    ends = [NOON + timedelta(hours=hour) for hour in range(5)]
    parts = [await ship(database, mailbox.id, ended_at=end) for end in ends]
    messages = sorted(part.message for part in parts)

    seen, behind = [], None
    while page := await untranscribed(database, limit=2, behind=behind):
        seen += [one.message for one in page]
        behind = page[-1].message, page[-1].part
    assert seen == messages
    between = await untranscribed(database, after=ends[1], before=ends[3])
    assert {one.message for one in between} == {parts[1].message, parts[2].message}


async def test_a_message_that_comes_with_its_transcript_is_told_of(database: Database) -> None:
    await subscribed(database)
    mailbox = await make_mailbox(database)
    await ship(database, mailbox.id, values={"transcript": b"all"}, transcribed_by="google")
    assert await events(database) == [("message.transcribed", 0)]

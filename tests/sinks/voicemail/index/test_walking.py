"""Walking through a mailbox: one message after the other, whatever comes and goes meanwhile."""

from datetime import UTC, datetime, timedelta

from message_index import make_mailbox, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.messages import change_state, delete_message
from listen_sinks.voicemail.index.walking import Folder, counts, step

NOW = datetime(2026, 5, 4, 13, tzinfo=UTC)


async def _walk(database: Database, mailbox: str, folder: Folder, since: datetime) -> list[str]:
    found, at = [], None
    while one := await step(database, mailbox, folder, since, after=at):
        at = one.id
        found.append(at)
    return found


async def _left(database: Database, mailbox: str, number: int, **more: str) -> str:
    message = str(ULID.from_timestamp(1_700_000_000 + number))
    await ship(database, mailbox, message=message, **more)
    return message


async def test_each_folder_is_walked_oldest_first_and_back(database: Database) -> None:
    mailbox, other = (await make_mailbox(database)).id, (await make_mailbox(database)).id
    new, heard, saved, gone, last = [await _left(database, mailbox, n) for n in range(5)]
    await _left(database, other, 5)
    await _left(database, mailbox, 6, kind="greeting")
    await change_state(database, "acme", heard, "heard", NOW)
    await change_state(database, "acme", saved, "saved", NOW)
    await delete_message(database, "acme", gone, NOW)
    later = NOW + timedelta(seconds=1)

    assert await _walk(database, mailbox, "new", datetime.now(UTC)) == [new, last]
    assert await _walk(database, mailbox, "saved", later) == [heard, saved]
    assert await _walk(database, mailbox, "deleted", later) == [gone]
    assert await counts(database, mailbox) == (2, 2)
    back = await step(database, mailbox, "new", later, before=last)
    assert back is not None
    assert back.id == new
    assert await step(database, mailbox, "new", later, before=new) is None


async def test_what_was_new_when_the_walk_began_stays_in_it(database: Database) -> None:
    mailbox = (await make_mailbox(database)).id
    first, second = [await _left(database, mailbox, number) for number in range(2)]
    begun = datetime.now(UTC)

    await change_state(database, "acme", first, "heard", begun + timedelta(seconds=1))

    assert await _walk(database, mailbox, "new", begun) == [first, second]
    assert await _walk(database, mailbox, "new", begun + timedelta(seconds=2)) == [second]
    assert await counts(database, mailbox) == (1, 1)

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from message_index import make_key, make_mailbox, ship
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged, UnknownMailbox
from listen_sinks.voicemail.index.mailbox_keys import (
    add_key,
    get_key,
    list_keys,
    replace_wrapped,
    retire_keys,
)
from listen_sinks.voicemail.index.mailboxes import add_mailbox, get_mailbox
from listen_sinks.voicemail.index.profiles import get_profile, put_profile
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys.mailbox import seal_profile


async def test_a_new_version_is_what_messages_to_come_are_sealed_to(database: Database) -> None:
    mailbox = await make_mailbox(database)
    second = make_key(mailbox.id, 2)

    await add_key(database, second)
    await add_key(database, second)

    assert (await get_mailbox(database, "acme", mailbox.id)).key_version == 2
    assert await get_key(database, mailbox.id, 2) == second
    assert [key.public.version for key in await list_keys(database, mailbox.id)] == [1, 2]


async def test_of_two_who_rotate_at_once_one_is_told(database: Database) -> None:
    mailbox = await make_mailbox(database)
    await add_key(database, make_key(mailbox.id, 2))

    with pytest.raises(KeyChanged, match="at version 2 already"):
        await add_key(database, make_key(mailbox.id, 2))


async def test_a_key_needs_a_mailbox(database: Database) -> None:
    with pytest.raises(UnknownMailbox):
        await add_key(database, make_key(str(ULID())))


async def test_a_new_root_wraps_every_key_and_changes_no_public_half(database: Database) -> None:
    mailboxes = [await make_mailbox(database) for _ in range(3)]

    for key in await list_keys(database):
        await replace_wrapped(database, key, replace(key, wrapped=b"new" + key.wrapped))

    keys = await list_keys(database)
    assert {key.public.mailbox for key in keys} == {one.id for one in mailboxes}
    assert all(key.wrapped.startswith(b"new") for key in keys)


async def test_wrapping_again_after_a_crash_changes_nothing(database: Database) -> None:
    mailbox = await make_mailbox(database)
    (old,) = await list_keys(database, mailbox.id)
    new = replace(old, wrapped=os.urandom(90))

    await replace_wrapped(database, old, new)
    await replace_wrapped(database, old, new)

    assert await get_key(database, mailbox.id, 1) == new


async def test_a_key_that_somebody_else_has_wrapped_meanwhile_is_left_alone(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    (old,) = await list_keys(database, mailbox.id)
    theirs = replace(old, wrapped=os.urandom(90))
    await replace_wrapped(database, old, theirs)

    with pytest.raises(KeyChanged):
        await replace_wrapped(database, old, replace(old, wrapped=os.urandom(90)))
    with pytest.raises(KeyChanged):
        await replace_wrapped(database, make_key(), make_key())

    assert await get_key(database, mailbox.id, 1) == theirs


async def test_a_version_that_never_was_is_none(database: Database) -> None:
    mailbox = await make_mailbox(database)

    assert await get_key(database, mailbox.id, 2) is None


async def test_old_keys_go_when_nothing_is_sealed_to_them(database: Database) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id, key_version=2)
    for version in (2, 3, 4):
        await add_key(database, make_key(mailbox.id, version))
    later = datetime.now(UTC) + timedelta(minutes=1)

    retired = await retire_keys(database, mailbox.id, replaced_before=later)
    again = await retire_keys(database, mailbox.id, replaced_before=later)

    assert (retired.destroyed, retired.needed, retired.fresh) == ((1, 3), (2,), ())
    assert (again.destroyed, again.needed) == ((), (2,))
    assert [key.public.version for key in await list_keys(database, mailbox.id)] == [2, 4]
    assert part.key_version == 2


async def test_a_key_that_was_replaced_just_now_stays_for_calls_that_are_on(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    await add_key(database, make_key(mailbox.id, 2))
    before = datetime.now(UTC) - timedelta(minutes=1)

    retired = await retire_keys(database, mailbox.id, replaced_before=before)

    assert (retired.destroyed, retired.fresh) == ((), (1,))
    assert len(await list_keys(database, mailbox.id)) == 2
    with pytest.raises(UnknownMailbox):
        await retire_keys(database, str(ULID()), replaced_before=before)


async def test_a_key_that_the_profile_is_sealed_to_stays(database: Database) -> None:
    first = make_key()
    await ensure_tenant(database, "acme")
    profile = seal_profile(b"{}", first.public)
    box = await add_mailbox(database, "acme", first, profile=profile)
    second = make_key(box.id, 2)
    await add_key(database, second)
    later = datetime.now(UTC) + timedelta(minutes=1)

    kept = await retire_keys(database, box.id, replaced_before=later)
    anew = seal_profile(b"{}", second.public)
    await put_profile(database, "acme", box.id, anew, instead_of=profile, key_version=2)
    gone = await retire_keys(database, box.id, replaced_before=later)

    assert (kept.destroyed, kept.needed) == ((), (1,))
    assert (gone.destroyed, gone.needed) == ((1,), ())


async def test_a_profile_is_not_put_over_one_that_came_meanwhile_or_under_an_old_key(
    database: Database,
) -> None:
    box = await make_mailbox(database)
    await put_profile(database, "acme", box.id, b"1", instead_of=None, key_version=1)

    for there, version in ((None, 1), (b"1", 2)):
        with pytest.raises(KeyChanged):
            await put_profile(database, "acme", box.id, b"2", instead_of=there, key_version=version)

    assert await get_profile(database, "acme", box.id) == (b"1", 1)


async def test_a_retired_key_is_nowhere_in_sqlites_files(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    mailbox = await make_mailbox(database)
    (old,) = await list_keys(database, mailbox.id)
    await add_key(database, make_key(mailbox.id, 2))

    await retire_keys(database, mailbox.id, replaced_before=datetime.now(UTC))
    await database.scrub()

    data = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())
    assert old.wrapped not in data
    await database.close()

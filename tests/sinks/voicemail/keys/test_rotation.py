from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from key_contract import opened
from sealed_audio import KEY, MAILBOX, MESSAGE

from listen_sinks.voicemail.keys import (
    KeyProvider,
    KeysAway,
    MailboxKey,
    PrivateKey,
    Rewrapped,
    WrongKey,
    check,
    context_of,
    create_key,
    move_all,
    new_pair,
    reseal,
    rewrap_all,
    rotate_mailbox,
    seal_message_key,
    unlock,
)
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys

OTHER = MAILBOX[:-1] + "0"
THIRD = MAILBOX[:-1] + "1"


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[FileKeys]:
    provider = FileKeys(FileConfig(), tmp_path)
    await provider.open()
    yield provider
    await provider.close()


class GoesAway(FileKeys):
    """A provider that is away after so many answers."""

    answers = 1

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        if self.answers == 0:
            raise KeysAway("keys: away")
        self.answers -= 1
        return await super().rewrap(wrapped, context)


class BindsNothing(FileKeys):
    """A provider that takes a context and ignores it."""

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:  # noqa: ARG002 - that is its fault
        return await super().wrap(secret, {})

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:  # noqa: ARG002 - that is its fault
        return await super().unwrap(wrapped, {})

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:  # noqa: ARG002 - that is its fault
        return await super().rewrap(wrapped, {})


class Forgets(FileKeys):
    """A provider whose wrapped values nobody can unwrap."""

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        return (await super().wrap(secret, context))[:-1]


async def outcomes(of: AsyncIterator[Rewrapped]) -> list[Rewrapped]:
    return [one async for one in of]


async def test_a_mailbox_opens_what_was_sealed_to_it_without_the_root(
    provider: FileKeys,
) -> None:
    key = await create_key(provider, MAILBOX)
    envelope = seal_message_key(KEY, key.public, MESSAGE, 0)

    private = await unlock(provider, key)

    assert private.open_envelope(envelope, MESSAGE, 0) == KEY
    assert context_of(key.public) == {"mailbox": MAILBOX, "version": "1"}


async def test_no_mailbox_gets_a_key_that_does_not_come_back_from_its_provider(
    provider: FileKeys, tmp_path: Path
) -> None:
    key = await create_key(provider, MAILBOX)
    forgetful = Forgets(FileConfig(), tmp_path)

    with pytest.raises(WrongKey):
        await create_key(forgetful, MAILBOX)
    with pytest.raises(WrongKey):
        await rotate_mailbox(forgetful, key.public)


async def test_a_wrapped_key_does_not_unlock_for_another_mailbox_or_version(
    provider: FileKeys,
) -> None:
    key = await create_key(provider, MAILBOX)

    for public in (replace(key.public, mailbox=OTHER), replace(key.public, version=2)):
        with pytest.raises(WrongKey):
            await unlock(provider, MailboxKey(public, key.wrapped))


async def test_a_public_key_that_somebody_put_in_place_of_ours_is_noticed(
    provider: FileKeys,
) -> None:
    key = await create_key(provider, MAILBOX)
    planted, _ = new_pair(MAILBOX, 1)

    with pytest.raises(WrongKey, match="not the one that was made for it"):
        await unlock(provider, MailboxKey(planted, key.wrapped))


async def test_what_was_wrapped_and_is_no_private_key_is_refused(provider: FileKeys) -> None:
    key = await create_key(provider, MAILBOX)
    wrapped = await provider.wrap(b"not 32 bytes", context_of(key.public))

    with pytest.raises(WrongKey, match="no private key"):
        await unlock(provider, MailboxKey(key.public, wrapped))


async def test_a_new_version_takes_new_messages_and_old_ones_by_a_new_envelope(
    provider: FileKeys,
) -> None:
    old = await create_key(provider, MAILBOX)
    envelope = seal_message_key(KEY, old.public, MESSAGE, 2)

    new = await rotate_mailbox(provider, old.public)
    sealed_anew = reseal(envelope, await unlock(provider, old), new.public, MESSAGE, 2)

    assert new.public.version == 2
    private = await unlock(provider, new)
    assert private.open_envelope(sealed_anew, MESSAGE, 2) == KEY
    with pytest.raises(WrongKey):
        private.open_envelope(envelope, MESSAGE, 2)


async def test_after_a_rotation_of_the_root_every_mailbox_opens_without_the_old_one(
    provider: FileKeys, tmp_path: Path
) -> None:
    keys = [await create_key(provider, mailbox) for mailbox in (MAILBOX, OTHER, THIRD)]
    await provider.rotate()

    found = await outcomes(rewrap_all(provider, keys))

    assert [one.old for one in found] == keys
    lines = (tmp_path / "root.keys").read_text().splitlines()
    (tmp_path / "root.keys").write_text(lines[-1])
    for one in found:
        assert one.new is not None
        assert (await unlock(provider, one.new)).public == one.old.public
        with pytest.raises(WrongKey):
            await unlock(provider, one.old)


async def test_a_row_that_does_not_open_is_named_and_the_others_go_on(
    provider: FileKeys,
) -> None:
    keys = [await create_key(provider, mailbox) for mailbox in (MAILBOX, OTHER, THIRD)]
    keys[1] = MailboxKey(keys[1].public, keys[0].wrapped)

    found = await outcomes(rewrap_all(provider, keys))

    assert [one.new is None for one in found] == [False, True, False]


async def test_a_provider_that_goes_away_ends_it_and_what_came_is_good(
    provider: FileKeys, tmp_path: Path
) -> None:
    keys = [await create_key(provider, mailbox) for mailbox in (MAILBOX, OTHER)]
    rows = rewrap_all(GoesAway(FileConfig(), tmp_path), keys)

    first = await anext(rows)
    with pytest.raises(KeysAway):
        await anext(rows)

    assert first.new is not None
    await unlock(provider, first.new)
    await unlock(provider, keys[1])


async def test_keys_move_to_another_provider_and_the_old_one_is_not_needed_any_more(
    provider: FileKeys, tmp_path: Path
) -> None:
    keys = [await create_key(provider, mailbox) for mailbox in (MAILBOX, OTHER)]
    keys.append(MailboxKey(new_pair(THIRD, 1)[0], keys[0].wrapped))

    async with opened("file", {"path": "other.keys"}, tmp_path) as target:
        found = await outcomes(move_all(provider, target, keys))
        (tmp_path / "root.keys").unlink()

        assert [one.new is None for one in found] == [False, False, True]
        for one in found[:2]:
            assert one.new is not None
            assert isinstance(await unlock(target, one.new), PrivateKey)


async def test_a_provider_that_ignores_the_context_fails_the_check(
    provider: FileKeys, tmp_path: Path
) -> None:
    await check(provider)
    careless: KeyProvider = BindsNothing(FileConfig(), tmp_path)
    with pytest.raises(WrongKey, match="ignores the context"):
        await check(careless)


async def test_a_wrapped_key_does_not_show(provider: FileKeys) -> None:
    key = await create_key(provider, MAILBOX)

    assert "wrapped" not in repr(key)

"""Keys for who may read: asked for once a minute, and gone as soon as they are destroyed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update
from stored_messages import ACTOR, Kept, kept, speech

from listen_sinks.voicemail.index.mailbox_keys import destroy_keys
from listen_sinks.voicemail.index.schema import MessageKeyRow
from listen_sinks.voicemail.keys import KeysAway, WrongKey
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.unlocking import KEPT, NoKey, Unlocking


class CountingKeys(FileKeys):
    """Counts how often it is asked; refuses if told to."""

    asked = 0
    wrong = False

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap, and count."""
        self.asked += 1
        if self.wrong:
            raise WrongKey("keys: another root")
        return await super().unwrap(wrapped, context)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


async def test_the_provider_is_asked_once_a_minute_and_each_time_is_audited(box: Kept) -> None:
    messages = [await box.leave(speech(0.1)) for _ in range(3)]
    provider, clock = CountingKeys(FileConfig(), box.folder), Clock()
    unlocking = Unlocking(box.database, provider, box.audit, clock)

    made = {await unlocking.message_key(message, 0, actor=ACTOR) for message in messages}
    asked = provider.asked
    clock.now = KEPT + 1
    again = await unlocking.message_key(messages[0], 0, actor=ACTOR)

    assert (asked, provider.asked) == (1, 2)
    assert len(made) == 3
    assert again in made


async def test_a_key_that_is_destroyed_is_not_used_from_memory(box: Kept) -> None:
    message = await box.leave(speech(0.1))
    unlocking = Unlocking(box.database, box.provider, box.audit)
    await unlocking.message_key(message, 0, actor=ACTOR)

    async with box.database.writing() as session:
        await destroy_keys(session, box.key.public.mailbox)

    with pytest.raises(NoKey, match="destroyed"):
        await unlocking.message_key(message, 0, actor=ACTOR)


async def test_a_message_key_that_never_was_is_no_key(box: Kept) -> None:
    unlocking = Unlocking(box.database, box.provider, box.audit)

    with pytest.raises(NoKey):
        await unlocking.message_key("01KB0000000000000000000MSG", 0, actor=ACTOR)


async def test_an_envelope_of_another_message_is_no_key(box: Kept) -> None:
    message, other = await box.leave(speech(0.1)), await box.leave(speech(0.1))
    unlocking = Unlocking(box.database, box.provider, box.audit)
    async with box.database.reading() as session:
        row = await session.get_one(MessageKeyRow, 2)
    async with box.database.writing() as session:
        await session.execute(update(MessageKeyRow).values(envelope=row.envelope))

    await unlocking.message_key(other, 0, actor=ACTOR)
    with pytest.raises(NoKey, match="does not open"):
        await unlocking.message_key(message, 0, actor=ACTOR)


async def test_another_root_is_told_as_one_and_no_provider_as_away(box: Kept) -> None:
    message = await box.leave(speech(0.1))
    provider = CountingKeys(FileConfig(), box.folder)
    provider.wrong = True

    with pytest.raises(NoKey, match="another root"):
        await Unlocking(box.database, provider, box.audit).message_key(message, 0, actor=ACTOR)
    with pytest.raises(KeysAway):
        await Unlocking(box.database, None, box.audit).message_key(message, 0, actor=ACTOR)

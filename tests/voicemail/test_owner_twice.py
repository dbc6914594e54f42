"""A hook that comes twice, or what others do meanwhile, turns no key into its opposite."""

from collections.abc import AsyncIterator

import pytest
from voicemail_phone import Phone
from voicemail_theatre import Stage, opened

PIN = "4711"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A mailbox with two messages."""
    folder = tmp_path_factory.mktemp("twice")
    async with opened(folder) as theatre:
        made = Stage(theatre, "twice", folder)
        await made.mailbox("100", "+15550100001", pin=PIN)
        yield made


async def twice(phone: Phone, key: str) -> None:
    """Press a key whose hook is sent again, as when its answer was lost."""
    asked, told = phone.asked, dict(phone.told)
    await phone.press(key)
    phone.asked, phone.told = asked, told
    await phone.press(key)


async def test_a_deletion_that_is_asked_for_twice_is_no_undeletion(stage: Stage) -> None:
    message = await stage.message(0.1, None, "100", "")
    phone = Phone(stage)
    await phone.ring(PIN)
    await phone.press()

    await twice(phone, "3")

    assert await stage.state(message) == "deleted"
    await phone.press("3")
    assert await stage.state(message) == "heard"


async def test_who_deletes_what_somebody_else_has_deleted_takes_nothing_back(
    stage: Stage,
) -> None:
    message = await stage.message(0.1, None, "100", "")
    phone = Phone(stage)
    await phone.ring(PIN)
    await phone.press()
    await stage.delete(message)

    assert "is deleted" in await phone.press("3")

    assert await stage.state(message) == "deleted"


async def test_who_takes_a_deletion_back_twice_has_the_message(stage: Stage) -> None:
    message = await stage.message(0.1, None, "100", "")
    phone = Phone(stage)
    await phone.ring(PIN)
    await phone.press()
    await phone.press("3")

    await twice(phone, "3")

    assert await stage.state(message) == "heard"

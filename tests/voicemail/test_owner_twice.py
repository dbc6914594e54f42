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


async def test_whoever_is_in_a_mailbox_whose_pin_is_changed_has_to_say_the_new_one(
    stage: Stage,
) -> None:
    box = (await stage.mailbox("200", "+15550100002", pin=PIN)).key.public.mailbox
    message = await stage.message(0.1, None, "200", "")
    phone = Phone(stage, "+15550100002")
    await phone.ring(PIN)
    await phone.press()

    await (await stage.pins()).set(box, "8265", must_change=False)

    again = await phone.press()
    assert again == "Sorry, let us begin again. Please enter your PIN, and then the hash key."
    assert "not right" in await phone.press(PIN)
    assert "Saved messages: 1" in await phone.press("8265")
    assert await stage.state(message) == "heard"


async def test_a_pin_that_the_operator_has_changed_meanwhile_is_not_changed_back(
    stage: Stage,
) -> None:
    box = (await stage.mailbox("300", "+15550100003", pin=PIN)).key.public.mailbox
    await (await stage.pins()).set(box, PIN, must_change=True)
    phone = Phone(stage, "+15550100003")
    await phone.ring(PIN, "1593")

    await (await stage.pins()).set(box, "8265", must_change=False)

    assert "let us begin again" in await phone.press("1593")
    assert "not right" in await phone.press("1593")
    assert "You have no messages" in await phone.press("8265")


async def test_an_owner_who_changes_the_pin_stays_in_and_another_one_does_not(
    stage: Stage,
) -> None:
    await stage.mailbox("400", "+15550100004", pin=PIN)
    phone, other = Phone(stage, "+15550100004"), Phone(stage, "+15550100004")
    await phone.ring(PIN)
    await other.ring(PIN)

    await phone.press("9")
    await phone.press("1593")

    assert "Your PIN is changed" in await phone.press("1593")
    assert "no saved messages" in await phone.press("2")
    assert "let us begin again" in await other.press("2")

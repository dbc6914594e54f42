"""Mails out of the outbox: servers away and back, dead letters, a server that is killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from canaries import found_below
from mail_receiver import Answers, MailReceiver
from outboxes import fast
from stored_messages import CALLER, speech
from told_owners import ANN, OWNER, WORDS, Owner, an_owner

from listen_sinks.voicemail.index.event_log import Delivery, Which, replay

TESTS = Path(__file__).parents[2]


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[Owner]:
    async with an_owner(tmp_path) as made:
        yield made


async def until(owner: Owner, is_so: Callable[[Delivery], bool]) -> list[str | None]:
    """Wait until something is so of every delivery; return what the log says of them."""
    async with asyncio.timeout(20):
        while True:
            found = [one for event in await owner.events() for one in event.deliveries]
            if all(map(is_so, found)):
                return [one.result for one in found]
            await asyncio.sleep(0.02)


async def until_all(owner: Owner, state: str) -> list[str | None]:
    return await until(owner, lambda one: one.state == state)


async def test_a_mail_server_that_is_away_gets_each_mail_once_when_it_is_back(
    owner: Owner,
) -> None:
    receiver = MailReceiver()
    async with receiver.running():
        pass  # so that there is a port on which nothing listens
    for _ in range(3):
        await owner.box.leave(speech(1.0))
    mailer = await owner.mailer(receiver)

    async with owner.told(mailer, fast(100.0)):
        await until(owner, lambda one: one.tries > 0)
        async with receiver.running():
            await until_all(owner, "delivered")

    assert len({mail.message["Message-ID"] for mail in receiver.mails}) == 3
    assert len(receiver.mails) == 3


async def test_who_does_not_exist_is_a_dead_letter_at_once_and_replayed_under_the_same_id(
    owner: Owner,
) -> None:
    async with MailReceiver().running() as receiver:
        receiver.answers = Answers(recipient=lambda one: f"550 no such user {one}")
        await owner.box.leave(speech(1.0))
        async with owner.told(await owner.mailer(receiver), fast(50.0)):
            says = await until_all(owner, "dead")
            receiver.answers = Answers()
            await replay(owner.access.database, Which(state="dead"))
            await until_all(owner, "delivered")
            await replay(owner.access.database, Which(target="mail"))
            await receiver.until_mails(2)
            await until_all(owner, "delivered")

    assert says == ["recipient refused (550)"]
    (id_,) = {mail.message["Message-ID"] for mail in receiver.mails}
    assert id_ == f"<{(await owner.event()).id}@example.com>"


async def test_a_mail_put_off_for_its_words_goes_as_soon_as_they_are_there(owner: Owner) -> None:
    async with MailReceiver().running() as receiver:
        mailer = await owner.mailer(receiver, wait_for_transcript=600)
        message = await owner.box.leave(speech(1.0))
        async with owner.told(mailer, fast(50.0)):
            await until(owner, lambda one: one.result is not None)
            await owner.said(message)
            await receiver.until_mails(1)
            await until_all(owner, "delivered")

    (one,) = await owner.events()
    assert WORDS in receiver.mails[0].text
    assert one.deliveries[0].tries == 1  # to be put off is no try


async def test_killed_between_a_mail_and_its_record_the_second_has_the_same_id(
    owner: Owner,
) -> None:
    async with MailReceiver().running() as receiver:
        await owner.box.leave(speech(1.0))
        async with a_stuck_mailer(owner, receiver):
            await receiver.until_mails(1)
        async with owner.told(await owner.mailer(receiver), fast(50.0)):
            await receiver.until_mails(2)
            await until_all(owner, "delivered")

    first, second = receiver.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.text == second.text


async def test_nothing_personal_lies_in_any_file_afterwards(
    owner: Owner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with MailReceiver().running() as receiver:
        receiver.answers = Answers(data=lambda _: f"554 no {ANN} {CALLER}")
        await owner.said(await owner.box.leave(speech(1.0)))
        async with owner.told(await owner.mailer(receiver), fast(50.0)):
            await until_all(owner, "dead")

    words = {word: word.encode() for word in (ANN, OWNER, WORDS[:17], CALLER)}
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("mail.")]
    assert await asyncio.to_thread(found_below, tmp_path, words) == set()
    assert not [word for word in words if any(word in line for line in ours)]


@asynccontextmanager
async def a_stuck_mailer(owner: Owner, receiver: MailReceiver) -> AsyncIterator[None]:
    """Send mails in a process that never writes down what has arrived, and is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TESTS / "killed_mailer.py"),
        *(str(owner.box.folder), str(receiver.port)),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()

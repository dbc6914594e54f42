"""Mails about messages in a store, taken by a mail server, opened as an owner opens them."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from mail_receiver import Answers, MailReceiver
from stored_messages import CALLER, TENANT, speech
from told_owners import ANN, BEN, OWNER, WORDS, Owner, an_owner
from ulid import ULID

from listen_codecs.files import read_audio
from listen_sinks.mail import reading
from listen_sinks.voicemail.index.erasure import erase_mailbox, erase_message
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.messages import delete_message
from listen_sinks.voicemail.keys import create_key

LINK = "https://example.com/jambonz/voicemail/mail/a&b"


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[Owner]:
    async with an_owner(tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[MailReceiver]:
    async with MailReceiver().running() as running:
        yield running


def link(_tenant: str, _mailbox: str, _message: str, _life: timedelta) -> str:
    return LINK


async def test_a_mail_shows_who_called_when_and_what_was_said_and_commands_nothing(
    owner: Owner, receiver: MailReceiver
) -> None:
    await owner.said(await owner.box.leave(speech(2.4)))
    mailer = await owner.mailer(receiver, link=link)

    answer = await mailer.tell(await owner.event())

    (mail,) = receiver.mails
    assert (answer.verdict, answer.says) == ("done", "250")
    assert mail.recipients == [ANN]
    assert mail.message["Subject"] == f"Voicemail from {CALLER} (0:02)"
    assert mail.message["From"] == "Voicemail <voicemail@example.com>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert f"A message of 0:02 from {CALLER} for {OWNER}, at 2026-01-02 04:04 CET." in mail.text
    assert WORDS in mail.text
    assert LINK in mail.text
    assert "<b>" not in mail.html
    assert "&lt;b&gt;call me&lt;/b&gt; &amp; tell nobody" in mail.html
    assert 'href="https://example.com/jambonz/voicemail/mail/a&amp;b"' in mail.html
    assert mail.attachments == []


async def test_audio_is_attached_to_the_sample_where_the_mailbox_allows_it(
    owner: Owner, receiver: MailReceiver
) -> None:
    audio = speech(20.0)
    await owner.wants(attach_audio=True)
    await owner.box.leave(audio)

    await (await owner.mailer(receiver)).tell(await owner.event())

    (mail,) = receiver.mails
    (attached,) = mail.attachments
    (part,) = mail.message.iter_attachments()
    heard, _ = read_audio(io.BytesIO(attached))
    assert part.get_content_type() == "audio/wav"
    assert part.get_filename() == "voicemail-2026-01-02-0404.wav"
    assert np.array_equal(heard, audio)
    assert "The message is attached." in mail.text


async def test_a_server_that_takes_no_mail_so_big_gets_it_without_the_audio(
    owner: Owner, receiver: MailReceiver
) -> None:
    await owner.wants(attach_audio=True)
    await owner.box.leave(speech(10.0))
    receiver.size_limit = 100_000

    answer = await (await owner.mailer(receiver)).tell(await owner.event())

    (mail,) = receiver.mails
    assert answer.verdict == "done"
    assert mail.attachments == []
    assert "attached" not in mail.text


async def test_a_message_too_long_for_a_mail_is_left_to_its_link(
    owner: Owner, receiver: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_AUDIO", 16_043)
    await owner.wants(attach_audio=True)
    await owner.box.leave(speech(1.0))

    await (await owner.mailer(receiver, link=link)).tell(await owner.event())

    assert receiver.mails[0].attachments == []
    assert LINK in receiver.mails[0].text


@pytest.mark.parametrize("why", ["no notify", "no address", "deleted", "a further part"])
async def test_who_is_not_to_be_told_gets_no_mail(
    owner: Owner, receiver: MailReceiver, why: str
) -> None:
    message = await owner.box.leave(speech(1.0))
    event = await owner.event()
    match why:
        case "no notify":
            await owner.wants(notify=False)
        case "no address":
            await owner.has(emails=[])
        case "deleted":
            await delete_message(owner.access.database, TENANT, message, datetime.now(UTC))
        case _:
            await owner.box.leave(speech(1.0), message=message, part=2)
            event = next(one.event for one in await owner.events() if one.event.data["part"])

    answer = await (await owner.mailer(receiver)).tell(event)

    says = "nobody to tell" if why in ("no notify", "no address") else "nothing to tell"
    assert (answer.verdict, answer.says) == ("done", says)
    assert receiver.mails == []


@pytest.mark.parametrize("what", ["the message", "the mailbox"])
async def test_what_is_erased_is_not_told_of(
    owner: Owner, receiver: MailReceiver, what: str
) -> None:
    message = await owner.box.leave(speech(1.0))
    event = await owner.event()
    if what == "the message":
        await erase_message(owner.access.erasures, TENANT, message, actor="operator")
    else:
        other = await create_key(owner.box.provider, str(ULID()))
        await add_mailbox(owner.access.database, TENANT, other, catch_all=True)
        await erase_mailbox(owner.access.erasures, TENANT, owner.mailbox, actor="operator")

    answer = await (await owner.mailer(receiver)).tell(event)

    assert (answer.verdict, answer.says) == ("done", "nothing to tell")
    assert receiver.mails == []


async def test_words_are_waited_for_and_not_for_ever(owner: Owner, receiver: MailReceiver) -> None:
    message = await owner.box.leave(speech(1.0))
    event = await owner.event()
    mailer = await owner.mailer(receiver, wait_for_transcript=30)

    first = await mailer.tell(event)
    await owner.said(message)
    then = await mailer.tell(event)

    assert (first.verdict, first.says) == ("wait", "waits for the words")
    assert 0 < first.wait <= 30
    assert then.verdict == "done"
    assert WORDS in receiver.mails[0].text

    await owner.box.leave(speech(1.0))
    late = await owner.mailer(receiver, wait_for_transcript=30)
    late._now = lambda: datetime.now(UTC) + timedelta(seconds=31)
    assert (await late.tell(await owner.event())).verdict == "done"
    assert "There is no transcript yet." in receiver.mails[1].text


async def test_the_caller_is_not_shown_where_the_operator_does_not_want_it(
    owner: Owner, receiver: MailReceiver
) -> None:
    await owner.box.leave(speech(1.0))

    await (await owner.mailer(receiver, show_caller=False)).tell(await owner.event())

    assert CALLER.encode() not in receiver.mails[0].data
    assert receiver.mails[0].message["Subject"] == "Voicemail (0:01)"


async def test_who_has_taken_a_mail_does_not_get_it_again_for_who_has_not(
    owner: Owner, receiver: MailReceiver
) -> None:
    await owner.has(emails=[ANN, BEN])
    await owner.box.leave(speech(1.0))
    mailer = await owner.mailer(receiver)
    event = await owner.event()

    receiver.answers = Answers(recipient=lambda one: "450 come back" if one == BEN else None)
    first = await mailer.tell(event)
    receiver.answers = Answers(data=lambda _: "451 come back")
    assert (await mailer.tell(event)).verdict == "later"
    receiver.answers = Answers()
    then = await mailer.tell(event)

    assert (first.verdict, first.says) == ("later", "recipient not taken yet (450)")
    assert then.verdict == "done"
    assert [mail.recipients for mail in receiver.mails] == [[ANN], [BEN]]
    ids = {mail.message["Message-ID"] for mail in receiver.mails}
    assert ids == {f"<{event.id}@example.com>"}


async def test_one_refused_for_good_keeps_nobody_from_the_mail_and_all_refused_is_the_end(
    owner: Owner, receiver: MailReceiver
) -> None:
    await owner.has(emails=[ANN, BEN])
    await owner.box.leave(speech(1.0))
    mailer = await owner.mailer(receiver)

    receiver.answers = Answers(recipient=lambda one: "550 no such user" if one == BEN else None)
    some = await mailer.tell(await owner.event())
    receiver.answers = Answers(recipient=lambda _: "550 no such user")
    none = await mailer.tell(await owner.event())

    assert (some.verdict, some.says) == ("done", "1 of 2 recipients refused (550)")
    assert (none.verdict, none.says) == ("never", "recipient refused (550)")


async def test_a_number_that_is_none_is_text_and_no_header(
    owner: Owner, receiver: MailReceiver
) -> None:
    wicked = "+1\r\nBcc: eve@example.com\r\n\r\n<script>alert(1)</script>"
    meta = f'{{"call": {{"from": {wicked!r}}}}}'.replace("'", '"').encode()
    await owner.box.leave(speech(1.0), meta=meta)

    await (await owner.mailer(receiver)).tell(await owner.event())

    (mail,) = receiver.mails
    assert mail.recipients == [ANN]
    assert "Bcc" not in mail.message
    assert mail.message["Subject"] == "Voicemail (0:01)"
    assert "&lt;script&gt;" in mail.html
    assert "<script>" not in mail.html


async def test_keys_index_and_server_away_are_for_later_and_nothing_is_said_of_whom(
    owner: Owner, receiver: MailReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await owner.said(await owner.box.leave(speech(1.0)))
    event = await owner.event()
    receiver.answers = Answers(data=lambda _: f"451 no room for {ANN}")
    says = [(await (await owner.mailer(receiver)).tell(event)).says]
    receiver.port = 1
    says.append((await (await owner.mailer(receiver)).tell(event)).says)
    await asyncio.to_thread((owner.box.folder / "root.keys").rename, owner.box.folder / "gone")
    lost = Owner(owner.box, owner.access)
    owner.access.root._provider = None
    answer = await (await lost.mailer(receiver)).tell(event)

    assert says == ["mail not taken (451)", "nothing listens there"]
    assert answer.verdict == "later"
    ours = [record for record in caplog.records if not record.name.startswith("mail.")]
    told = "\n".join([*says, answer.says, *(record.getMessage() for record in ours)])
    assert "canary" not in told
    assert CALLER not in told

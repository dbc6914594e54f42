"""A server that tells owners by mail: from the call to the page that the link in the mail shows."""

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canaries import found_below
from harness import Running, say, serving, settings, until
from mail_receiver import MailReceiver
from pydantic import SecretStr
from stored_messages import speech
from ulid import ULID

from listen_codecs.pcm import interleave
from listen_server.errors import ConfigError
from listen_server.mailing import open_mail
from listen_server.settings import Settings, load_settings
from listen_server.voicemail.listening_page import listening_link, opened_link
from listen_server.voicemail.tokens import PURPOSE, Tokens
from listen_sinks.api import SinkContext
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.event_log import list_targets
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.messages import delete_message
from listen_sinks.voicemail.index.own_secrets import derived
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.profile import Profile, Profiles

ANN = "canary-ann-9f1c@example.com"
CALLER = "+15551230001"
FIRST = f'{{"callSid":"a-call","from":"{CALLER}","to":"+15551230002","sampleRate":8000}}'
WEB = "https://voice.example.com"


@pytest.fixture
async def receiver() -> AsyncIterator[MailReceiver]:
    async with MailReceiver().running() as running:
        yield running


async def made(folder: Path, receiver: MailReceiver, **changes: Any) -> Settings:
    given = {
        "routes": {"/listen": {"sinks": ["voicemail"]}},
        "mail": receiver.given(),
        "public_web_url": WEB,
        **changes,
    }
    return await asyncio.to_thread(lambda: settings(folder, **given))


async def an_owner(folder: Path) -> str:
    """Make Ann's mailbox, which takes every call; return its id."""
    context = SinkContext("voicemail", folder)
    plugin = await asyncio.to_thread(lambda: Voicemail(VoicemailConfig(), context))
    async with access(plugin) as store:
        await ensure_tenant(store.database, "local")
        key = await create_key(await store.root.provider(), str(ULID()))
        box = await add_mailbox(store.database, "local", key)
        profiles = Profiles(store.database, store.root)
        await profiles.write("local", box.id, Profile(emails=(ANN,)))
        return box.id


async def get(server: Running, path: str) -> tuple[int, bytes, dict[str, str]]:
    def fetch() -> tuple[int, bytes, dict[str, str]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)

    return await asyncio.to_thread(fetch)


async def test_a_call_becomes_a_mail_whose_link_plays_it_until_it_is_deleted(
    tmp_path: Path, receiver: MailReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    mailbox, audio = await an_owner(tmp_path), speech(1.0)
    async with serving(await made(tmp_path, receiver)) as server:
        async with server.connect() as socket:
            await say(socket, FIRST, interleave(audio))
        await receiver.until_mails(1)
        (link,) = re.findall(rf"{WEB}(/jambonz/voicemail/mail/\S+)", receiver.mails[0].text)
        status, page, headers = await get(server, link)
        (address,) = re.findall(r'src="\.\./(audio/[^"]+)"', page.decode())
        played, wav, _ = await get(server, f"/jambonz/voicemail/{address}")
        altered, _, _ = await get(server, link[:-6] + "AAAAAA")
        wrong, _, _ = await get(server, f"/jambonz/voicemail/audio/{link.split('/')[-1]}.wav")

        database = server.app.sinks["voicemail"].plugin.database  # type: ignore[attr-defined]
        secret = server.app.sinks["voicemail"].plugin.number_secret  # type: ignore[attr-defined]
        tokens = Tokens(derived(await asyncio.to_thread(secret), PURPOSE))
        told = opened_link(tokens, link.split("/")[-1])
        assert told is not None
        old = listening_link(tokens, "local", mailbox, told["m"], -1)
        late, _, _ = await get(server, f"/jambonz/voicemail/mail/{old}")
        other = listening_link(tokens, "local", str(ULID()), told["m"], 60)
        elsewhere, _, _ = await get(server, f"/jambonz/voicemail/mail/{other}")
        await delete_message(database, "local", told["m"], datetime.now(UTC))
        gone, _, _ = await get(server, link)
        silent, _, _ = await get(server, f"/jambonz/voicemail/{address}")
        counted = {"type": "message.received", "outcome": "delivered"}
        await until(lambda: server.metric("listen_events_total", **counted))

    assert CALLER in receiver.mails[0].text
    assert (status, played) == (200, 200)
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert CALLER.encode() not in page
    assert np.array_equal(np.frombuffer(wav[44:], "<i2"), audio[0])
    assert (altered, wrong, late, elsewhere, gone, silent) == (404,) * 6
    words = {"an address": ANN.encode(), "a number": CALLER.encode()}
    assert await asyncio.to_thread(found_below, tmp_path, words) == set()
    theirs = ("mail.", "websockets.client")  # the mail server's, and the caller's
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith(theirs)]
    assert not [line for line in ours if ANN in line or CALLER in line or link in line]


async def test_without_a_public_address_there_is_no_link(
    tmp_path: Path, receiver: MailReceiver
) -> None:
    await an_owner(tmp_path)
    async with serving(await made(tmp_path, receiver, public_web_url=None)) as server:
        async with server.connect() as socket:
            await say(socket, FIRST, interleave(speech(1.0)))
        await receiver.until_mails(1)

    assert "Listen" not in receiver.mails[0].text


async def test_a_server_whose_mail_is_taken_out_again_keeps_nothing_for_it(
    tmp_path: Path, receiver: MailReceiver
) -> None:
    await an_owner(tmp_path)
    async with serving(await made(tmp_path, receiver)):
        pass
    async with serving(await made(tmp_path, receiver, mail=None)):
        pass

    database = Database(f"sqlite+aiosqlite:///{tmp_path}/index.db")
    assert await list_targets(database) == {"mail": "retired"}
    await database.close()


async def opens(folder: Path, receiver: MailReceiver, **config: Any) -> AsyncExitStack:
    """Make who tells by mail, as the outbox does."""
    context, opened = SinkContext("voicemail", folder), AsyncExitStack()
    plugin = await asyncio.to_thread(lambda: Voicemail(VoicemailConfig(**config), context))
    given = await made(folder, receiver)
    assert set(await open_mail(opened, given, plugin.database_url, [plugin])) == {"mail"}
    return opened


async def test_the_index_is_opened_before_there_is_a_mail_to_write(
    tmp_path: Path, receiver: MailReceiver
) -> None:
    async with await opens(tmp_path, receiver):
        await until((tmp_path / "index.db").exists)


async def test_an_index_that_is_away_keeps_no_server_from_its_start(
    tmp_path: Path, receiver: MailReceiver
) -> None:
    away = SecretStr("postgresql+asyncpg://u:p@127.0.0.1:1/index")

    async with await opens(tmp_path, receiver, database=away):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sender": None}, "`mail.sender`"),
        ({"sender": "v@example.com\r\nBcc: eve@example.com"}, "`mail.sender`: it must be"),
        ({"password": "SECRET"}, "user and password belong together"),
        ({"user": "u", "password": "SECRET", "host": "mx", "tls": "none"}, "in the clear: set tls"),
        ({"tsl": "none"}, "did you mean `tls`?"),
    ],
)
def test_what_is_wrong_with_mail_is_said_without_its_secrets(
    changes: dict[str, Any], says: str
) -> None:
    given = {"host": "mx.example.com", "sender": "v@example.com", **changes}

    with pytest.raises(ConfigError) as caught:
        load_settings(mail={name: value for name, value in given.items() if value is not None})

    assert says in "\n".join(caught.value.faults)
    assert "SECRET" not in "\n".join(caught.value.faults)


def test_a_webhook_of_the_same_name_is_told_apart() -> None:
    secret = "whsec_" + "QUJD" * 10
    webhook = {"url": "https://example.com/events", "secret": secret}

    with pytest.raises(ConfigError, match="has the name of"):
        load_settings(
            mail={"host": "mx.example.com", "sender": "v@example.com"}, webhooks={"mail": webhook}
        )

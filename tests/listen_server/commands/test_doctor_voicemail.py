"""What the doctor says of voicemail: addresses, page, mailboxes, and a mail server it tries."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from harness import Running, serving, settings
from mail_receiver import MailReceiver
from ulid import ULID

from listen_server.app import App
from listen_server.checks import Finding
from listen_server.commands.doctor_addresses import Look
from listen_server.commands.doctor_voicemail import voicemail, voicemail_findings
from listen_server.credentials import CredentialStore
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.pins import Pins

ROUTES = {"/listen": {"sinks": ["voicemail"]}}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    await asyncio.to_thread(lambda: CredentialStore(tmp_path).add("acme"))
    made = await asyncio.to_thread(lambda: settings(tmp_path, open=False, routes=ROUTES))
    async with serving(made) as running:
        yield running


def look(folder: Path, **changes: Any) -> Look:
    return Look(App(settings(folder, **{"open": False, "routes": ROUTES, **changes})), None)


async def said(folder: Path, **changes: Any) -> list[Finding]:
    def find() -> list[Finding]:
        return list(voicemail_findings(look(folder, **changes)))

    return await asyncio.to_thread(find)


async def a_mailbox(app: App, tenant: str) -> None:
    """Make a mailbox with a number and a PIN."""
    plugin = app.sinks["voicemail"].plugin
    assert isinstance(plugin, Voicemail)
    async with access(plugin) as store:
        numbers = store.numbers(await ensure_tenant(store.database, tenant))
        key = await create_key(await store.root.provider(), str(ULID()))
        address = numbers.mailbox("+15551230002")
        box = await add_mailbox(store.database, tenant, key, addresses=[address])
        await Pins(store.database, store.secret).set(box.id, "5802", must_change=False)


async def test_a_page_that_shows_and_a_mailbox_with_a_number_are_fine(
    server: Running, tmp_path: Path
) -> None:
    without = await said(tmp_path, port=server.port)
    await a_mailbox(server.app, "acme")
    there = await said(tmp_path, port=server.port)

    page = f"http://127.0.0.1:{server.port}/jambonz/voicemail shows its page"
    assert without[0] == Finding("ok", page)
    assert without[1].level == "warn"
    assert "mailboxes add NUMBER --tenant acme --new-pin" in without[1].sentence
    assert there[1] == Finding("ok", "tenant acme: 1 mailbox(es) with a number, 1 with a PIN")


async def test_mailboxes_of_a_tenant_that_nobody_comes_for_are_told(
    server: Running, tmp_path: Path
) -> None:
    await a_mailbox(server.app, "other")

    found = await said(tmp_path, port=server.port)

    sentences = [one.sentence for one in found if one.level == "warn"]
    assert len(sentences) == 2
    assert "no mailbox of tenant acme has a number" in sentences[0]
    assert "tenant other has mailboxes and no credential" in sentences[1]


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ("404 Not Found", "answers a browser with 404: does `public_web_url` lead here"),
        ("200 OK", "shows another page than ours"),
    ],
)
async def test_an_address_that_leads_elsewhere_is_bad(
    tmp_path: Path, response: str, says: str
) -> None:
    await asyncio.to_thread(lambda: CredentialStore(tmp_path).add("acme"))
    done = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {response}\r\nconnection: close\r\n\r\nwelcome".encode())
        writer.close()
        await writer.wait_closed()
        done.set()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        found = await said(tmp_path, public_web_url=f"http://127.0.0.1:{port}")
        await done.wait()

    assert found[0].level == "bad"
    assert says in found[0].sentence


async def test_mail_is_tried_and_not_sent(server: Running, tmp_path: Path) -> None:
    async with MailReceiver(tls="starttls", login=True).running() as receiver:
        given = receiver.given(ca_file=receiver.trust(tmp_path))
        fine = await said(tmp_path, port=server.port, mail=given)
        wrong = await said(tmp_path, port=server.port, mail={**given, "password": "wrong"})
        strange = await said(tmp_path, port=server.port, mail={**given, "ca_file": None})

    where = f"mail: 127.0.0.1, port {receiver.port}"
    assert fine[-1] == Finding("ok", f"{where} takes mail by TLS; none was sent")
    assert fine[-2].sentence.endswith("no link to the message: set `public_web_url`")
    refused = f"{where}: login refused (535); look at `user` and `password`"
    assert wrong[-1] == Finding("bad", refused)
    assert strange[-1].level == "bad"
    assert "its certificate is not trusted; name its authority in `ca_file`" in strange[-1].sentence
    assert receiver.mails == []


@pytest.mark.parametrize("retrieval", [True, False])
def test_both_applications_are_told_of_or_the_one_that_is_served(
    tmp_path: Path,
    retrieval: bool,  # noqa: FBT001 - what a setting is
) -> None:
    CredentialStore(tmp_path).add("acme")
    web = "https://127.0.0.1:1"

    told = list(voicemail(look(tmp_path, public_web_url=web, voicemail={"retrieval": retrieval})))

    assert [one.web for one in told] == [
        f"{web}/jambonz/voicemail",
        *([f"{web}/jambonz/voicemail/owner"] if retrieval else []),
    ]
    assert {one.status for one in told} == {f"{web}/jambonz/voicemail/call-status"}
    assert told[0].socket == "wss://127.0.0.1:1/jambonz/voicemail"


@pytest.mark.parametrize("why", ["settings", "a mailbox"])
def test_voicemail_that_is_set_up_and_not_served_is_told(tmp_path: Path, why: str) -> None:
    wanted = {"voicemail": {"path": "/vm"}} if why == "settings" else {}
    if why == "a mailbox":
        (tmp_path / "index.db").touch()
        (tmp_path / "numbers.secret").touch()
    elsewhere = look(tmp_path, open=True, routes={"/listen": {"sinks": ["memory"]}}, **wanted)

    (found,) = voicemail_findings(elsewhere)

    path = "/vm" if why == "settings" else "/jambonz/voicemail"
    assert found.level == "warn"
    assert f"no route has a voicemail sink, so {path} is not served" in found.sentence


def test_where_no_voicemail_is_served_nothing_is_said(tmp_path: Path) -> None:
    elsewhere = look(tmp_path, open=True, routes={"/listen": {"sinks": ["memory"]}})

    assert list(voicemail(elsewhere)) == []
    assert list(voicemail_findings(elsewhere)) == []

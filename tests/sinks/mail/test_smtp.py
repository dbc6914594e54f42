import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mail_receiver import Answers, MailReceiver

from listen_sinks.api import SinkError
from listen_sinks.mail.smtp import MailAway, MailRefused, MailServer, MailTooBig, stuffed

MAIL = b"Subject: one\r\n\r\n.hidden\r\n..twice\r\nend\r\n"
ANN, BEN = "ann@example.com", "ben@example.com"


async def in_pieces(mail: bytes) -> AsyncIterator[bytes]:
    lines = stuffed(mail)
    for at in range(0, len(lines), 7):
        yield lines[at : at + 7]


async def send(
    receiver: MailReceiver, folder: Path, *recipients: str, **changes: Any
) -> Mapping[str, int]:
    server = MailServer(receiver.settings(**changes), folder)
    await server.open()
    return await server.send(recipients or (ANN,), in_pieces(MAIL), len(MAIL))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_goes_encrypted_after_a_login_byte_by_byte(tmp_path: Path, tls: str) -> None:
    async with MailReceiver(tls=tls, login=True).running() as receiver:
        codes = await send(receiver, tmp_path, ANN, BEN, ca_file=receiver.trust(tmp_path))

    (mail,) = receiver.mails
    assert codes == {ANN: 250, BEN: 250}
    assert mail.data.endswith(MAIL)
    assert mail.encrypted
    assert (mail.sender, mail.recipients) == ("voicemail@example.com", [ANN, BEN])


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_of_somebody_else_gets_no_password(tmp_path: Path, tls: str) -> None:
    names = ("mail.elsewhere.test",)
    async with MailReceiver(tls=tls, login=True, names=names).running() as receiver:
        with pytest.raises(MailAway, match="certificate is not trusted"):
            await send(receiver, tmp_path, ca_file=receiver.trust(tmp_path))
        with pytest.raises(MailAway, match="certificate is not trusted"):
            await send(receiver, tmp_path)

    assert receiver.mails == []
    assert receiver.refused_logins == 0


async def test_a_server_that_leaves_out_starttls_gets_nothing(tmp_path: Path) -> None:
    async with MailReceiver().running() as receiver:
        with pytest.raises(MailAway, match="it offers no STARTTLS"):
            await send(receiver, tmp_path, tls="starttls")


async def test_a_wrong_password_is_a_setting_to_mend(tmp_path: Path) -> None:
    async with MailReceiver(tls="tls", login=True).running() as receiver:
        given = {"ca_file": receiver.trust(tmp_path), "password": "wrong"}
        with pytest.raises(MailAway, match=r"login refused \(535\)"):
            await send(receiver, tmp_path, **given)


async def test_the_password_can_stand_in_a_file_that_is_read_anew(tmp_path: Path) -> None:
    async with MailReceiver(tls="tls", login=True).running() as receiver:
        given = {
            "ca_file": receiver.trust(tmp_path),
            "password": None,
            "password_file": "smtp.password",
        }
        with pytest.raises(SinkError, match="password_file has no password"):
            await send(receiver, tmp_path, **given)
        (tmp_path / "smtp.password").write_text("canary-password-9f1c\n")
        await send(receiver, tmp_path, **given)

    assert len(receiver.mails) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "sentence"),
    [
        ({"sender": lambda _: "550 not yours"}, MailAway, r"sender refused \(550\)"),
        ({"sender": lambda _: "552 too much"}, MailTooBig, r"mail too big \(552\)"),
        ({"data": lambda _: "554 spam"}, MailRefused, r"mail refused \(554\)"),
        ({"data": lambda _: "552 too much"}, MailTooBig, r"mail too big \(552\)"),
        ({"data": lambda _: "451 later"}, MailAway, r"mail not taken \(451\)"),
    ],
)
async def test_what_a_server_refuses_is_told_by_its_code_and_our_words(
    tmp_path: Path, answers: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    async with MailReceiver(answers=Answers(**answers)).running() as receiver:
        with pytest.raises(kind, match=f"^{sentence}$"):
            await send(receiver, tmp_path)


async def test_each_recipient_has_an_answer_of_its_own(tmp_path: Path) -> None:
    refuses = Answers(recipient=lambda one: "550 no such user" if one == BEN else None)
    async with MailReceiver(answers=refuses).running() as receiver:
        both = await send(receiver, tmp_path, ANN, BEN)
        nobody = await send(receiver, tmp_path, BEN)

    assert both == {ANN: 250, BEN: 550}
    assert nobody == {BEN: 550}
    assert [mail.recipients for mail in receiver.mails] == [[ANN]]


async def test_a_mail_over_the_limit_that_a_server_names_is_not_sent(tmp_path: Path) -> None:
    async with MailReceiver(size_limit=20).running() as receiver:
        with pytest.raises(MailTooBig, match="SIZE"):
            await send(receiver, tmp_path)


async def test_nobody_there_and_a_server_that_hangs_are_told_apart(tmp_path: Path) -> None:
    receiver = MailReceiver()
    async with receiver.running():
        pass
    with pytest.raises(MailAway, match="nothing listens there"):
        await send(receiver, tmp_path)

    left = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(MailAway, match="no answer in time"):
            await send(receiver, tmp_path, timeout=0.2)
        await left.wait()


async def test_a_look_logs_in_and_sends_nothing(tmp_path: Path) -> None:
    async with MailReceiver(tls="tls", login=True).running() as receiver:
        server = MailServer(receiver.settings(ca_file=receiver.trust(tmp_path)), tmp_path)
        await server.open()
        await server.look()
        receiver.answers.sender = lambda _: "553 not yours"
        with pytest.raises(MailAway, match=r"sender refused \(553\)"):
            await server.look()

    assert receiver.mails == []


@pytest.mark.parametrize("password", ["canary-password-9f1c", "wrong"])
async def test_a_command_that_ends_at_once_leaves_no_connection_behind(
    tmp_path: Path, password: str
) -> None:
    async def look(server: MailServer) -> None:
        await server.open()
        with suppress(MailAway):
            await server.look()

    def command(server: MailServer) -> None:
        asyncio.run(look(server))
        gc.collect()  # what was left open warns now, and a warning fails the test

    async with MailReceiver(tls="starttls", login=True).running() as receiver:
        given = receiver.settings(ca_file=receiver.trust(tmp_path), password=password)
        for _ in range(10):
            await asyncio.to_thread(command, MailServer(given, tmp_path))

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError
from webhook_receiver import HERE, OTHER_SECRET, SECRET, Received, Receiver

from listen_sinks.api import SinkError
from listen_sinks.webhook.config import TargetConfig
from listen_sinks.webhook.target import Target

IN_A_FILE = {"secret": None, "secret_file": "crm.secret"}
BODY = '{"type":"message.received"}'


@asynccontextmanager
async def target(url: str, folder: Path = Path("/"), **changes: Any) -> AsyncIterator[Target]:
    given = {"url": url, "secret": SECRET, "allow_networks": [HERE], "timeout": 2, **changes}
    config = TargetConfig.model_validate({key: one for key, one in given.items() if one})
    made = Target("crm", config, folder)
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((200, "done"), (204, "done"), (299, "done"), (410, "gone")),
        *((301, "later"), (302, "later"), (307, "later"), (304, "later")),
        *((400, "later"), (404, "later"), (429, "later"), (500, "later"), (503, "later")),
    ],
)
async def test_a_status_says_what_to_do_next(receiver: Receiver, status: int, verdict: str) -> None:
    receiver.answer = lambda _: status
    async with target(receiver.url) as one:
        answer = await one.post("e1", BODY)

    assert (answer.verdict, answer.says) == (verdict, str(status))


async def test_while_a_secret_is_changed_old_and_new_verify(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "crm.secret").write_text(f"{OTHER_SECRET}\n")
    receiver.secret = OTHER_SECRET
    async with target(receiver.url, tmp_path, **IN_A_FILE) as one:
        await one.post("e1", BODY)
        (tmp_path / "crm.secret").write_text(f"{SECRET}\n{OTHER_SECRET}\n")
        await one.post("e2", BODY)

    first, second = receiver.received
    Webhook(SECRET).verify(second.body, second.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(first.body, first.headers)


@pytest.mark.parametrize("text", [None, "", "whsec_c2hvcnQ="])
async def test_a_file_without_a_secret_is_told_at_start(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "crm.secret").write_text(text)

    with pytest.raises(SinkError, match="secret_file has no secret"):
        async with target("http://127.0.0.1:9/", tmp_path, **IN_A_FILE):
            pass


async def test_an_inside_that_is_not_allowed_is_not_connected_to(receiver: Receiver) -> None:
    async with target(receiver.url, allow_networks=None) as one:
        answer = await one.post("e1", BODY)

    assert (answer.verdict, answer.says) == (
        "later",
        "its address is inside the network: see allow_networks",
    )
    assert receiver.connections == 0


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: Any, **more: Any) -> Any:
        """Answer as a name that changes its mind: allowed first, then another address."""
        if host != "rebinding.example":
            return real(host, port, *rest, **more)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = f"http://rebinding.example:{receiver.port}/"
    async with target(url, allow_http=True, allow_networks=["127.0.0.1/32"]) as one:
        first = await one.post("e1", BODY)
        second = await one.post("e2", BODY)

    assert first.verdict == "done"
    assert second.says == "its address is inside the network: see allow_networks"
    assert len(asked) == 2
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"


async def test_of_several_addresses_a_dead_one_is_passed_over(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def two(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host != "two.example":
            return real(host, port, *rest, **more)
        found = ("127.0.0.9", "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    async with target(f"http://two.example:{receiver.port}/", allow_http=True) as one:
        assert (await one.post("e1", BODY)).verdict == "done"


async def test_the_certificate_has_to_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    real = socket.getaddrinfo

    def here(host: str, port: int, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host.endswith(".example") else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("right.example").configure_cert(context)
    async with Receiver().running(ssl=context) as receiver:
        says = []
        for name in ("right", "wrong"):
            url = f"https://{name}.example:{receiver.port}/"
            async with target(url, tmp_path, ca_file="ca.pem") as one:
                says.append((await one.post("e1", BODY)).says)

    assert says == ["204", "ConnectError"]


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        *(("120", 120.0), ("1000000", 3600.0), ("-5", 0.0), ("inf", 0.0), ("1.5", 0.0)),
        ("Fri, 20 Nov 2026 12:00:00 GMT", 0.0),
    ],
)
async def test_a_service_may_say_when_to_come_again(
    receiver: Receiver, said: str, wait: float
) -> None:
    head = f"HTTP/1.1 503 Busy\r\nretry-after: {said}\r\ncontent-length: 0\r\n\r\n"
    receiver.answer = lambda _: head.encode()
    async with target(receiver.url) as one:
        assert (await one.post("e1", BODY)).wait == wait


async def test_an_answer_without_end_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2**20
    async with target(receiver.url) as one:
        assert (await one.post("e1", BODY)).verdict == "done"


async def test_an_answer_that_never_ends_is_an_answer(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"
    async with target(receiver.url) as one:
        assert (await one.post("e1", BODY)).verdict == "done"


async def test_connections_are_used_again(receiver: Receiver) -> None:
    async with target(receiver.url) as one:
        for number in range(5):
            await one.post(f"e{number}", BODY)

    assert (len(receiver.received), receiver.connections) == (5, 1)


async def test_a_service_that_hangs_is_left_when_its_time_is_up(receiver: Receiver) -> None:
    async def hang(_: Received) -> int:
        await asyncio.Event().wait()
        return 200

    receiver.answer = hang
    async with target(receiver.url, timeout=0.2) as one:
        assert (await one.post("e1", BODY)).says == "no answer in time"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100 + b"\r\n\r\n", b""])
async def test_what_is_no_http_is_no_answer(receiver: Receiver, answer: bytes) -> None:
    receiver.answer = lambda _: answer
    async with target(receiver.url, timeout=0.5) as one:
        assert (await one.post("e1", BODY)).verdict == "later"

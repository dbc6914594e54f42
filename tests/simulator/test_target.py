import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from ports import held_port
from simulator.bare_server import bare_server, header, switching
from simulator.virtual_time import run_in_virtual_time

from listen_codecs.formats import AudioFormat
from listen_server.simulator.address import Address, parse_address
from listen_server.simulator.errors import CallError, CallRefused
from listen_server.simulator.handshake import Credential
from listen_server.simulator.pipe import AudioPipe
from listen_server.simulator.target import Target, connect, tls_context


async def reach(target: Target) -> None:
    connection = await connect(target, AudioPipe(AudioFormat(8000, "mono")), print)
    connection.hang_up()
    await connection.ended


async def test_the_upgrade_on_the_wire_is_that_of_jambonz() -> None:
    async with bare_server() as server:
        target = Target(
            address=parse_address(f"{server.url}/a?b=c"), credential=Credential("me", "secret")
        )
        await reach(target)

    key = header(server.request, b"Sec-WebSocket-Key")
    assert server.request == (
        b"GET /listen/a?b=c HTTP/1.1\r\n"
        b"Pragma: no-cache\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Host: 127.0.0.1\r\n"
        b"Origin: http://127.0.0.1\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\n"
        b"Sec-WebSocket-Protocol: audio.jambonz.org\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"authorization: Basic bWU6c2VjcmV0\r\n"
        b"\r\n"
    )


async def test_a_server_may_leave_the_subprotocol_unsaid() -> None:
    async with bare_server(switching) as server:
        await reach(Target(address=parse_address(server.url)))


async def test_a_server_that_answers_another_subprotocol_is_dropped() -> None:
    async with bare_server(lambda request: switching(request, b"chat")) as server:
        with pytest.raises(CallError, match=r"unsupported subprotocol: chat; jambonz drops"):
            await reach(Target(address=parse_address(server.url)))
        await server.gone.wait()


async def test_an_accept_key_that_is_wrong_is_not_believed() -> None:
    async with bare_server(
        lambda request: switching(request.replace(b"-Key: ", b"-Key: x"))
    ) as server:
        with pytest.raises(CallError, match="the server's upgrade is wrong"):
            await reach(Target(address=parse_address(server.url)))


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        ("401 Unauthorized", "", "; give the credential with --user and --password"),
        ("403 Forbidden", "no", "; is the credential right, and may it use this path?"),
        ("404 Not Found", "", "; does the server have a route for the path in --url?"),
        ("503 Service Unavailable", "draining", ""),
        ("302 Found", "", "; jambonz follows no redirect: give the address that it leads to"),
    ],
)
async def test_a_refusal_is_told_with_its_status_and_its_words(
    status: str, body: str, hint: str
) -> None:
    reply = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    async with bare_server(lambda _: reply) as server:
        with pytest.raises(CallRefused) as refused:
            await reach(Target(address=parse_address(server.url)))

    said = f": {body}" if body else ""
    assert str(refused.value) == f"the server refused the call with {status}{said}{hint}"


async def test_a_peer_that_is_no_web_server_is_told() -> None:
    async with bare_server(lambda _: b"220 mail ready\r\n") as server:
        with pytest.raises(CallError, match="what answers is no web server"):
            await reach(Target(address=parse_address(server.url)))


async def test_a_refused_credential_is_not_asked_for_once_more() -> None:
    reply = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    async with bare_server(lambda _: reply) as server:
        address = parse_address(server.url)
        with pytest.raises(CallRefused, match="is this credential of that server"):
            await reach(Target(address=address, credential=Credential("me", "secret")))
        with pytest.raises(CallRefused, match="give the credential with --user"):
            await reach(Target(address=address, credential=Credential("me", "")))


async def test_a_server_of_http_1_0_is_told_as_such() -> None:
    async with bare_server(lambda _: b"HTTP/1.0 501 Unsupported\r\n\r\n") as server:
        with pytest.raises(CallRefused, match=r"501 Unsupported; it speaks HTTP/1\.0"):
            await reach(Target(address=parse_address(server.url)))


def test_an_upgrade_without_an_answer_is_given_up_after_ten_seconds() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with bare_server(lambda _: None) as server:
            with pytest.raises(CallError, match="left the upgrade unanswered for 10 s"):
                await reach(Target(address=parse_address(server.url)))
            await server.gone.wait()
            return loop.time()

    assert run_in_virtual_time(main()) == pytest.approx(10.0, abs=0.1)


async def test_a_port_where_nothing_listens_is_told() -> None:
    with (
        held_port() as port,
        pytest.raises(CallError, match=rf"nothing listens on 127.0.0.1 port {port}; is the server"),
    ):
        await reach(Target(address=parse_address(f"ws://127.0.0.1:{port}/listen")))


async def test_a_host_that_cannot_be_is_told() -> None:
    address = Address(secure=False, host="h" * 64, port=80, path="/")  # a label has 63

    with pytest.raises(CallError, match=r"the host 'hhh.*' is not known; check --url"):
        await reach(Target(address=address))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_certificate_of_a_trusted_authority_is_taken(
    authority: trustme.CA, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = tls_context(ca_file=ca_file)

    async with bare_server(tls=server_tls) as server:
        address = replace(parse_address(server.url), secure=True)
        await reach(Target(address=address, tls=tls))

    assert header(server.request, b"Origin") == b"http://127.0.0.1"  # http all the same


async def test_a_self_signed_certificate_is_refused_unless_told_to_look_away(
    server_tls: ssl.SSLContext,
) -> None:
    strict, lax = tls_context(), tls_context(insecure=True)

    async with bare_server(tls=server_tls) as server:
        address = replace(parse_address(server.url), secure=True)
        with pytest.raises(CallError, match=r"is not trusted.*--ca-file"):
            await reach(Target(address=address, tls=strict))
        await reach(Target(address=address, tls=lax))


async def test_wss_to_a_plain_port_is_told() -> None:
    async def answer_in_plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    tls = tls_context()
    async with await asyncio.start_server(answer_in_plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(CallError, match="is it ws, not wss"):
            await reach(Target(address=parse_address(f"wss://127.0.0.1:{port}/"), tls=tls))


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("hello")

    with pytest.raises(CallError, match="give a PEM file"):
        tls_context(ca_file=file)
    with pytest.raises(CallError, match="give a PEM file"):
        tls_context(ca_file=tmp_path / "none.pem")

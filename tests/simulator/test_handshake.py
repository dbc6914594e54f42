import base64

import pytest

from listen_server.simulator.address import parse_address
from listen_server.simulator.handshake import Credential, upgrade_request


def test_the_upgrade_request_is_that_of_jambonz_byte_for_byte() -> None:
    address = parse_address("wss://example.org/listen/a?b=c")

    request = upgrade_request(address, "a2V5", "audio.drachtio.org", Credential("me", "secret"))

    assert request == (
        b"GET /listen/a?b=c HTTP/1.1\r\n"
        b"Pragma: no-cache\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Host: example.org\r\n"
        b"Origin: http://example.org\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: a2V5\r\n"
        b"Sec-WebSocket-Protocol: audio.drachtio.org\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"authorization: Basic bWU6c2VjcmV0\r\n"
        b"\r\n"
    )


def test_without_a_credential_there_is_no_authorization() -> None:
    request = upgrade_request(parse_address("ws://h:3000/"), "a2V5", "audio.jambonz.org", None)

    assert b"authorization" not in request
    assert b"Host: h\r\n" in request


@pytest.mark.parametrize("size", [3, 64, 89, 90])
def test_a_credential_of_up_to_90_bytes_arrives_whole(size: int) -> None:
    credential = Credential("u", "p" * (size - 2))

    value = credential.header()

    assert value is not None
    assert base64.b64decode(value.removeprefix(b"Basic "), validate=True).decode() == (
        "u:" + "p" * (size - 2)
    )


def test_a_credential_of_91_bytes_arrives_broken() -> None:
    value = Credential("u", "p" * 89).header()

    assert value is not None
    assert len(value) == len("Basic ") + 121  # no whole group of four
    assert value[:126] == Credential("u", "p" * 88).header()


@pytest.mark.parametrize("size", [92, 200])
def test_a_longer_credential_is_left_out(size: int) -> None:
    assert Credential("u", "p" * (size - 2)).header() is None


@pytest.mark.parametrize(("username", "password"), [("", "p"), ("u", ""), ("", "")])
def test_a_credential_with_an_empty_half_is_left_out(username: str, password: str) -> None:
    assert Credential(username, password).header() is None


def test_a_credential_shows_no_password() -> None:
    assert "secret" not in repr(Credential("me", "secret"))

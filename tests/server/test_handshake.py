"""A connection that never says what it wants is closed."""

import asyncio
import contextlib

import pytest
from server.apps import Calls, Peer
from server.wire import BINARY, HEAD, TEXT, frame

from listen_server.server.options import ServerOptions
from listen_server.server.reports import HandshakeTimedOut, Report, RequestRefused
from listen_server.server.serving import running

QUICK = ServerOptions(port=0, handshake_timeout=0.1)
IN_TIME = ServerOptions(port=0, handshake_timeout=0.6)  # for a first request to be whole
PATIENT = ServerOptions(port=0, handshake_timeout=60)


@pytest.mark.parametrize("half", [b"", HEAD[:10], HEAD[:-2]])
async def test_half_a_handshake_is_closed_and_reported(half: bytes) -> None:
    reports: list[Report] = []

    async with (
        running(Calls(), None, QUICK, report=reports.append) as bound,
        await Peer.connect(bound.port) as peer,
    ):
        peer.send(half)
        assert await peer.rest() == b""

    assert HandshakeTimedOut("127.0.0.1") in reports


async def test_a_head_that_drips_in_is_closed_like_one_that_stops() -> None:
    async with running(Calls(), None, QUICK) as bound, await Peer.connect(bound.port) as peer:
        for one in HEAD:
            peer.send(bytes([one]))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    assert await peer.rest() == b""
                    return
    pytest.fail("the whole head was taken")


async def test_a_second_request_that_drips_in_is_closed_too() -> None:
    async with running(Calls(), None, IN_TIME) as bound, await Peer.connect(bound.port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.reader.readuntil(b"serving")
        peer.send(b"GET / HT")

        assert b"HTTP/1.1" not in await peer.rest()


async def test_a_body_that_drips_in_after_its_answer_is_not_awaited_for_ever() -> None:
    async with running(Calls(), None, IN_TIME) as bound, await Peer.connect(bound.port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        await peer.reader.readuntil(b"serving")
        peer.send(b"x")

        assert await peer.rest() == b""


async def test_a_call_outlives_the_deadline_of_its_handshake() -> None:
    async with (
        running(Calls(), None, IN_TIME) as bound,
        await Peer.connect(bound.port) as late,
        await Peer.call(bound.port) as call,
    ):
        await late.rest()  # which takes a deadline
        call.say(b"audio")
        call.send(frame(TEXT, b"how much?"))

        assert await call.frame() == (TEXT, b"5")


async def test_frames_in_the_same_packet_as_the_head_are_heard() -> None:
    async with running(Calls(), None, PATIENT) as bound, await Peer.connect(bound.port) as peer:
        peer.send(HEAD + frame(BINARY, b"early") + frame(TEXT, b"how much?"))
        await peer.reader.readuntil(b"\r\n\r\n")

        assert await peer.frame() == (TEXT, b"5")


@pytest.mark.parametrize(
    ("nonsense", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "not HTTP"),
        (b"GET / HTTP/1.1\r\n\r\n", "not HTTP"),  # no host
        (HEAD.replace(b"Sec-WebSocket-Key", b"X-Key"), "not a websocket"),
        (HEAD.replace(b"Version: 13", b"Version: 7"), "not a websocket"),
        (HEAD.replace(b"GET", b"PUT"), "not a websocket"),
    ],
)
async def test_what_is_no_request_is_answered_with_400_and_reported_once(
    nonsense: bytes, reason: str
) -> None:
    reports: list[Report] = []

    async with (
        running(Calls(), None, PATIENT, report=reports.append) as bound,
        await Peer.connect(bound.port) as peer,
    ):
        peer.send(nonsense)
        answer = await peer.rest()

    assert answer.split()[1] in {b"400", b"405", b"426"}
    assert [one for one in reports if isinstance(one, RequestRefused)] == [
        RequestRefused(reason, "127.0.0.1")
    ]


async def test_another_upgrade_is_for_the_application_to_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Calls(), None, PATIENT) as bound, await Peer.connect(bound.port) as peer:
        peer.send(HEAD.replace(b"Upgrade: websocket", b"Upgrade: h2c"))

        assert b"200" in await peer.reader.readuntil(b"\r\n")

    assert not caplog.records

"""A connection that never says what it wants is closed."""

import asyncio
import contextlib

import pytest
from server.apps import Calls, Peer
from server.wire import BINARY, HEAD, TEXT, frame

from listen_server.server.options import ServerOptions
from listen_server.server.reports import HandshakeTimedOut, Report
from listen_server.server.serving import running

QUICK = ServerOptions(port=0, handshake_timeout=0.1)
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
    async with running(Calls(), None, QUICK) as bound, await Peer.connect(bound.port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.reader.readuntil(b"serving")
        peer.send(b"GET / HT")

        assert b"HTTP/1.1" not in await peer.rest()


async def test_a_body_that_drips_in_after_its_answer_is_not_awaited_for_ever() -> None:
    async with running(Calls(), None, QUICK) as bound, await Peer.connect(bound.port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        await peer.reader.readuntil(b"serving")
        peer.send(b"x")

        assert await peer.rest() == b""


async def test_a_call_outlives_the_deadline_of_its_handshake() -> None:
    async with (
        running(Calls(), None, ServerOptions(port=0, handshake_timeout=0.6)) as bound,
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

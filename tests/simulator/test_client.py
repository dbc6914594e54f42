import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from simulator.bare_server import BINARY, CLOSE, PING, PONG, TEXT, BareServer, bare_server

from listen_codecs.formats import AudioFormat
from listen_server.simulator.address import parse_address
from listen_server.simulator.client import Connection
from listen_server.simulator.pipe import AudioPipe
from listen_server.simulator.target import Target, connect

STEREO_64K = AudioFormat(64000, "stereo")
PACKET = 5120  # bytes of 20 ms of it


def packets(count: int) -> list[memoryview]:
    return [memoryview(bytes([number % 256]) * PACKET) for number in range(count)]


class Call:
    """A connection to a bare server, and what it heard."""

    def __init__(self, server: BareServer, pipe: AudioPipe) -> None:
        self.server = server
        self.pipe = pipe
        self.heard: list[str | bytes] = []
        self.connection: Connection


@asynccontextmanager
async def call(
    *, receive_buffer: int | None = None, resampled: bool = False
) -> AsyncIterator[Call]:
    async with bare_server(receive_buffer=receive_buffer) as server:
        made = Call(server, AudioPipe(STEREO_64K, resampled=resampled))
        target = Target(address=parse_address(server.url), send_buffer=receive_buffer)
        made.connection = await connect(target, made.pipe, made.heard.append)
        yield made
        made.connection.abort("fin")
        await made.connection.ended


async def test_every_frame_is_whole_masked_and_without_extensions() -> None:
    async with call() as made:
        made.connection.send_text(b'{"a":1}')
        made.connection.send_audio(packets(1)[0])
        await made.server.until(lambda: len(made.server.frames) == 2)

    assert [(frame.first_byte, frame.masked) for frame in made.server.frames] == [
        (0x80 | TEXT, True),
        (0x80 | BINARY, True),
    ]


async def test_a_mask_is_used_once() -> None:
    async with call() as made:
        for packet in [packets(1)[0]] * 2:
            made.connection.send_audio(packet)
        await made.server.until(lambda: len(made.server.frames) == 2)

    half = len(made.server.data) // 2
    assert made.server.data[:half] != made.server.data[half:]


async def test_packets_gather_into_one_frame_while_nobody_reads() -> None:
    async with call(receive_buffer=4096) as made:
        made.server.reading.clear()
        for packet in packets(60):
            made.connection.send_audio(packet)
        made.server.reading.set()
        await made.server.until(lambda: len(made.server.audio) == 60 * PACKET)

    *single, gathered = made.server.binary_sizes
    assert set(single) == {PACKET}
    assert gathered == (60 - len(single)) * PACKET
    assert gathered > 30 * PACKET
    assert made.server.audio == b"".join(packets(60))
    assert made.connection.sent.frames == len(single) + 1


async def test_a_server_that_reads_too_late_loses_the_backlog_and_sixteen_bytes() -> None:
    async with call(receive_buffer=4096) as made:
        made.server.reading.clear()
        for packet in packets(200):
            made.connection.send_audio(packet)
        made.server.reading.set()
        await made.server.until(lambda: made.server.audio.endswith(packets(200)[-1]))

    *single, gathered = made.server.binary_sizes
    assert set(single) == {PACKET}
    assert gathered == (200 - len(single) - 100) * PACKET - 16
    assert (made.pipe.overruns, made.pipe.lost) == (1, 100 * PACKET + 16)


async def test_texts_wait_for_the_socket_and_then_go_before_the_audio() -> None:
    async with call(receive_buffer=4096) as made:
        made.server.reading.clear()
        for packet in packets(60):
            made.connection.send_audio(packet)
        made.connection.send_text(b"late")
        made.server.reading.set()
        await made.server.until(lambda: len(made.server.audio) == 60 * PACKET)

    assert [frame.opcode for frame in made.server.frames][-2:] == [TEXT, BINARY]


async def test_a_hang_up_is_close_1000_without_a_reason_and_then_the_end() -> None:
    async with call() as made:
        made.connection.send_text(b"last words")
        made.connection.hang_up()

        assert await made.connection.ended == "closed"
        await made.server.gone.wait()

    last = made.server.frames[-1]
    assert (last.opcode, last.payload) == (CLOSE, b"\x03\xe8")
    assert made.server.texts == ["last words"]


async def test_a_hang_up_sends_what_was_said_and_forgets_audio_that_waits() -> None:
    async with call(receive_buffer=4096) as made:
        made.server.reading.clear()
        for packet in packets(60):
            made.connection.send_audio(packet)
        made.connection.send_text(b"last words")
        sent = made.connection.sent.bytes
        made.connection.hang_up()
        made.server.reading.set()
        await made.server.gone.wait()

    assert [frame.opcode for frame in made.server.frames][-2:] == [TEXT, CLOSE]
    assert len(made.server.audio) == sent
    assert made.pipe.lost == 60 * PACKET - sent


async def test_an_abort_is_the_end_of_the_stream_without_a_close() -> None:
    async with call() as made:
        made.connection.send_audio(packets(1)[0])
        made.connection.abort("fin")

        assert await made.connection.ended == "aborted"
        await made.server.gone.wait()

    assert [frame.opcode for frame in made.server.frames] == [BINARY]
    assert not made.server.reset


async def test_an_abort_can_be_a_reset() -> None:
    async with call() as made:
        made.connection.send_audio(packets(1)[0])
        made.connection.abort("reset")

        assert await made.connection.ended == "aborted"
        await made.server.gone.wait()

    assert made.server.reset


async def test_a_ping_is_answered_with_its_own_words() -> None:
    async with call() as made:
        made.server.say(PING, b"are you there")
        await made.server.until(lambda: made.server.frames)

    assert [(frame.opcode, frame.payload) for frame in made.server.frames] == [
        (PONG, b"are you there")
    ]


async def test_a_close_of_the_server_is_echoed_and_told() -> None:
    async with call() as made:
        made.server.say(CLOSE, b"\x03\xe9going")

        assert await made.connection.ended == "closed by the server"
        await made.server.gone.wait()

    assert made.connection.close_code == 1001
    assert [(frame.opcode, frame.payload) for frame in made.server.frames] == [
        (CLOSE, b"\x03\xe9going")
    ]


async def test_a_server_that_vanishes_is_told_apart() -> None:
    async with call() as made:
        made.server.hang_up()

        assert await made.connection.ended == "dropped by the server"


async def test_messages_arrive_whole_however_they_are_fragmented() -> None:
    async with call() as made:
        made.server.say(TEXT, b"one")
        made.server.say(TEXT, b"tw", first_byte=TEXT)
        made.server.say(PING, b"between")
        made.server.say(0, b"o")
        made.server.say(BINARY, bytes(300))
        await made.server.until(lambda: made.server.frames)
        made.server.say(CLOSE, b"\x03\xe8")
        await made.connection.ended

    assert made.heard == ["one", "two", bytes(300)]


async def test_nothing_goes_out_after_the_end() -> None:
    async with call() as made:
        made.connection.hang_up()
        made.connection.send_text(b"too late")
        made.connection.send_audio(packets(1)[0])
        made.connection.hang_up()
        made.connection.abort("fin")
        await made.server.gone.wait()

    assert [frame.opcode for frame in made.server.frames] == [CLOSE]


async def test_a_server_that_never_reads_does_not_hold_the_caller_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("listen_server.simulator.client._FLUSH_SECONDS", 0.01)
    async with call(receive_buffer=4096) as made:
        made.server.reading.clear()
        for packet in packets(60):
            made.connection.send_audio(packet)
        made.connection.hang_up()

        async with asyncio.timeout(5):
            assert await made.connection.ended == "closed"
        made.server.reading.set()


async def test_a_pong_answers_its_ping_and_those_before_it() -> None:
    async with call() as made:
        made.connection.send_audio(packets(1)[0])
        pings = [made.connection.ping() for _ in range(3)]
        await made.server.until(lambda: len(made.server.frames) == 4)
        made.server.say(PONG, b"of nobody")
        made.server.say(PONG, made.server.frames[2].payload)
        await pings[1]

        assert [frame.opcode for frame in made.server.frames] == [BINARY, PING, PING, PING]
        assert [ping.done() for ping in pings] == [True, True, False]


async def test_nobody_waits_for_a_pong_of_a_server_that_has_gone() -> None:
    async with call() as made:
        ping = made.connection.ping()
        made.server.hang_up()
        await ping
        await made.connection.ended

        assert made.connection.ping().done()

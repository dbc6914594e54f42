"""Our websocket class beside uvicorn's: the same conversation, however the network cuts it."""

import asyncio
import itertools
import json
import logging
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from server.wire import (
    ASKS,
    BINARY,
    CLOSE,
    CONT,
    HEAD,
    PING,
    PONG,
    TEXT,
    Heard,
    close,
    converse,
    cut,
    every_byte,
    frame,
    make,
)
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from listen_server.server.websocket import ListenWebSocketProtocol

CUTS = st.lists(st.integers(0, 3000), max_size=12)
PAYLOADS = st.binary(max_size=400)
BAD_TEXT = b'{"from":"J\xc3'

FRAMES = st.one_of(
    st.builds(frame, st.just(BINARY), PAYLOADS, mask=st.binary(min_size=4, max_size=4)),
    st.builds(lambda text: frame(TEXT, text.encode()), st.text(max_size=40)),
    st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=130)),
    st.builds(frame, st.sampled_from([BINARY, TEXT, CONT]), PAYLOADS, fin=st.booleans()),
    st.builds(frame, st.sampled_from([CONT, TEXT]), st.just(b"abc"), fin=st.booleans()),
    st.builds(frame, st.integers(0, 15), PAYLOADS, fin=st.booleans(), rsv=st.integers(0, 7)),
    st.builds(frame, st.just(BINARY), PAYLOADS, announced=st.sampled_from([0, 500, 1001, 2**40])),
    st.builds(frame, st.just(BINARY), PAYLOADS, mask=st.none()),
    st.builds(close, st.sampled_from([1000, 1001, 1005, 1007, 3000, 99]), st.text(max_size=9)),
    st.builds(frame, st.just(CLOSE), st.binary(max_size=4)),
    st.binary(max_size=20),
)


def a_call() -> list[bytes]:
    """Return what jambonz sends: metadata, packets, some that gathered, a digit, the end."""
    metadata = {"sampleRate": 8000, "mixType": "mono", "callSid": "c-1", "from": "+15550100"}
    digit = {"event": "dtmf", "dtmf": "5", "duration": "1600"}
    packets = [frame(BINARY, bytes([n]) * 320, mask=bytes([n, 7, 1, 9])) for n in range(20)]
    gathered = [frame(BINARY, bytes(960)), frame(BINARY), frame(BINARY, bytes(955))]
    texts = [frame(TEXT, json.dumps(one).encode()) for one in (metadata, digit)]
    return [texts[0], *packets, texts[1], *gathered, close()]


def closes_between_fragments(frames: list[bytes]) -> bool:
    """Tell of the one place where we leave uvicorn on purpose."""
    return any(one[:1] and one[0] & 0x0F == CLOSE for one in frames) and any(
        one[:1] and not one[0] & 0x80 for one in frames
    )


def both(frames: list[bytes], reads: list[bytes], asks: Any = None) -> tuple[Heard, Heard]:
    stream = b"".join(frames)
    stock = asyncio.run(converse(WebSocketsSansIOProtocol, every_byte(stream)))
    return stock, asyncio.run(converse(ListenWebSocketProtocol, reads, asks=asks))


@given(frames=st.lists(FRAMES, max_size=8), cuts=CUTS)
def test_where_the_network_cuts_never_changes_what_uvicorn_would_have_said(
    frames: list[bytes], cuts: list[int]
) -> None:
    assume(not closes_between_fragments(frames))

    stock, ours = both(frames, cut(b"".join(frames), cuts))

    assert ours == stock


@given(frames=st.lists(FRAMES, max_size=8), cuts=CUTS)
def test_joined_audio_is_the_same_audio_in_the_same_place(
    frames: list[bytes], cuts: list[int]
) -> None:
    assume(not closes_between_fragments(frames))

    stock, ours = both(frames, cut(b"".join(frames), cuts), {"joined_binary": True})

    assert ours.joined() == stock.joined()
    assert ours.written == stock.written


@given(frames=st.lists(FRAMES, max_size=8), cuts=CUTS, answers=st.lists(st.booleans(), min_size=1))
def test_audio_that_is_taken_at_once_is_in_the_same_place(
    frames: list[bytes], cuts: list[int], answers: list[bool]
) -> None:
    assume(not closes_between_fragments(frames))
    stream = b"".join(frames)
    takes = itertools.cycle(answers).__next__

    stock = asyncio.run(converse(WebSocketsSansIOProtocol, every_byte(stream)))
    ours = asyncio.run(
        converse(
            ListenWebSocketProtocol, cut(stream, cuts), asks={"joined_binary": True}, takes=takes
        )
    )

    assert ours.joined() == stock.joined()
    assert ours.written == stock.written


async def test_audio_behind_a_text_that_nobody_has_read_yet_is_not_taken_before_it() -> None:
    read = frame(BINARY, b"one") + frame(TEXT, b"a digit") + frame(BINARY, b"two")

    heard = await converse(ListenWebSocketProtocol, [read], asks=ASKS, takes=lambda: True)

    assert heard.messages[:3] == [b"one", "a digit", b"two"]


@given(cuts=CUTS)
def test_a_call_is_heard_alike_with_and_without_our_class(cuts: list[int]) -> None:
    frames = a_call()

    stock, ours = both(frames, cut(b"".join(frames), cuts), ASKS)

    assert ours.joined() == stock.joined()
    assert ours.written == stock.written
    assert ours.messages[-1] == (1000, "")


async def test_frames_that_arrive_together_are_one_message() -> None:
    read = b"".join(frame(BINARY, bytes([n]) * 320) for n in range(5))

    heard = await converse(ListenWebSocketProtocol, [read], asks=ASKS, max_size=1600)

    assert heard.messages[0] == b"".join(bytes([n]) * 320 for n in range(5))


async def test_frames_stay_apart_where_the_route_does_not_ask() -> None:
    read = frame(BINARY, b"one") + frame(BINARY, b"two")

    heard = await converse(ListenWebSocketProtocol, [read])

    assert heard.messages[:2] == [b"one", b"two"]


async def test_an_empty_frame_alone_is_still_a_message() -> None:
    heard = await converse(ListenWebSocketProtocol, [frame(BINARY)], asks=ASKS)

    assert heard.messages[0] == b""


async def test_a_pong_goes_out_before_the_audio_behind_the_ping_is_read() -> None:
    read = frame(BINARY, b"a") + frame(PING, b"now") + frame(BINARY, b"b")

    heard = await converse(ListenWebSocketProtocol, [read], asks=ASKS)

    assert heard.messages[:2] == [b"a", b"b"]
    assert heard.written == frame(PONG, b"now", mask=None)


async def test_reading_pauses_at_the_first_message_that_nobody_took() -> None:
    protocol, wire = await opened_protocol()

    protocol.data_received(frame(BINARY, b"a")[:-1])
    assert wire.reading.is_set()
    protocol.data_received(frame(BINARY, b"a")[-1:])

    assert not wire.reading.is_set()


async def test_metadata_cut_inside_a_character_costs_no_call_on_a_route_that_asks() -> None:
    heard = await converse(ListenWebSocketProtocol, [frame(TEXT, BAD_TEXT)], asks=ASKS)

    assert heard.messages[0] == '{"from":"J\ufffd'
    assert heard.written == b""


async def test_bad_text_elsewhere_closes_with_1007_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = frame(TEXT, b"good") + frame(TEXT, BAD_TEXT) + close()

    heard = await converse(ListenWebSocketProtocol, [read])

    assert heard.messages == ["good", (1007, "")]
    assert heard.written == frame(CLOSE, b"\x03\xef", mask=None)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_a_close_between_two_fragments_is_answered(asks: Any) -> None:
    read = frame(TEXT, b"never ", fin=False) + close() + frame(CONT, b"ended")

    heard = await converse(ListenWebSocketProtocol, [read], asks=asks)

    assert heard.messages == [(1000, "")]
    assert heard.written == frame(CLOSE, b"\x03\xe8", mask=None)


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_audio_before_a_broken_frame_is_kept(asks: Any) -> None:
    read = frame(BINARY, b"audio") + frame(BINARY, b"x", rsv=4)

    heard = await converse(ListenWebSocketProtocol, [read], asks=asks)

    assert heard.messages[0] == b"audio"
    assert heard.messages[1][0] == 1002


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_a_compressed_frame_is_refused_when_none_was_negotiated(asks: Any) -> None:
    heard = await converse(ListenWebSocketProtocol, [frame(BINARY, b"x", rsv=4)], asks=asks)

    assert heard.messages == [(1002, "reserved bits must be 0")]


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_two_mebibytes_are_a_message_and_one_byte_more_is_not(asks: Any) -> None:
    most = 2 * 1024 * 1024
    reads = cut(frame(BINARY, bytes(most)), list(range(0, most, 65536)))

    heard = await converse(
        ListenWebSocketProtocol, [*reads, frame(BINARY, announced=most + 1)[:10]], asks=asks,
        max_size=most,
    )  # fmt: skip

    assert [len(one) for one in heard.messages] == [most, 2]
    assert heard.messages[1][0] == 1009


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_fragments_of_one_byte_make_one_message_and_little_memory(asks: Any) -> None:
    count = 5000
    fragments = [frame(BINARY, b"a", fin=False)]
    fragments += [frame(CONT, b"b", fin=n == count) for n in range(1, count + 1)]
    fragments[2:2] = [frame(CONT, b"", fin=False)] * count

    heard = await converse(
        ListenWebSocketProtocol, [b"".join(fragments)], asks=asks, max_size=count + 1
    )

    assert heard.messages[0] == b"a" + b"b" * count


@pytest.mark.parametrize("asks", [None, ASKS])
async def test_the_cap_is_for_all_fragments_of_a_message_together(asks: Any) -> None:
    reads = [frame(BINARY, bytes(900), fin=False), frame(CONT, announced=101)[:2]]

    heard = await converse(ListenWebSocketProtocol, reads, asks=asks, max_size=1000)

    assert [code for code, _ in heard.messages] == [1009]


async def test_nothing_is_heard_after_the_application_has_closed() -> None:
    protocol, wire = await opened_protocol()
    await protocol.send({"type": "websocket.close", "code": 1000, "reason": ""})
    protocol.queue.get_nowait()

    protocol.data_received(frame(BINARY, b"late") + frame(TEXT, BAD_TEXT) + close()[:3])
    assert not wire.is_closing()
    protocol.data_received(close()[3:])

    assert wire.is_closing()
    assert protocol.queue.empty()


async def test_fragments_are_one_buffer_while_they_wait_for_their_end() -> None:
    protocol, _ = await opened_protocol()

    protocol.data_received(frame(BINARY, b"a", fin=False) + frame(CONT, b"", fin=False) * 1000)

    assert protocol.frames == []


async def test_pings_of_a_peer_that_reads_nothing_are_not_piled_up() -> None:
    protocol, wire = await opened_protocol()
    before = len(wire.written)

    protocol.pause_writing()
    protocol.data_received(frame(PING, b"x" * 125) * 1000)
    assert len(wire.written) == before
    protocol.resume_writing()
    protocol.data_received(frame(PING, b"last"))

    assert wire.written[before:] == frame(PONG, b"last", mask=None)


async def test_frames_that_come_before_our_answer_are_not_lost() -> None:
    heard: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await answer.wait()
        await send({"type": "websocket.accept", "listen_server": ASKS})
        heard.append(await receive())

    answer = asyncio.Event()
    protocol, wire = make(ListenWebSocketProtocol, app)
    protocol.data_received(HEAD)
    protocol.data_received(frame(BINARY, b"early"))
    assert not wire.reading.is_set()
    answer.set()
    await asyncio.gather(*protocol.tasks)

    assert heard == [{"type": "websocket.receive", "bytes": b"early", "listen_server": 1}]


async def test_a_request_that_is_no_handshake_is_answered_and_closed() -> None:
    protocol, wire = make(ListenWebSocketProtocol, None)

    protocol.data_received(HEAD.replace(b"GET", b"PUT", 1).replace(b" HTTP/1.1", b" HTTP/9", 1))

    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert wire.is_closing()


async def test_a_head_of_too_many_headers_is_answered_and_closed() -> None:
    protocol, wire = make(ListenWebSocketProtocol, None)

    protocol.data_received(HEAD.replace(b"Host: x\r\n", b"Host: x\r\n" * 200))

    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.is_closing()


async def test_a_refused_call_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"full\n"})

    protocol, wire = make(ListenWebSocketProtocol, app)
    protocol.data_received(HEAD)
    await asyncio.gather(*protocol.tasks)

    assert wire.written.startswith(b"HTTP/1.1 503 ")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_peer_that_answers_no_ping_is_reported_as_lost() -> None:
    protocol, wire = await opened_protocol()

    protocol.keepalive_timeout()

    assert wire.is_closing()
    assert protocol.queue.get_nowait() == {
        "type": "websocket.disconnect",
        "code": 1006,
        "reason": "keepalive ping timeout",
    }


async def test_a_peer_that_is_heard_is_not_lost_though_its_pong_stands_behind_its_audio() -> None:
    protocol, wire = await opened_protocol()
    protocol.send_keepalive_ping()

    protocol.data_received(frame(BINARY, b"audio"))
    protocol.keepalive_timeout()
    await protocol.receive()
    heard = not wire.is_closing()
    protocol.keepalive_timeout()

    assert heard
    assert wire.is_closing()
    assert protocol.queue.get_nowait() == {
        "type": "websocket.disconnect",
        "code": 1006,
        "reason": "keepalive ping timeout",
    }


async def test_the_server_goes_with_1001_after_all_that_was_received() -> None:
    protocol, wire = await opened_protocol()
    before = len(wire.written)
    protocol.data_received(frame(BINARY, b"the last words"))

    protocol.shutdown()
    assert not wire.is_closing()
    protocol.data_received(close(1001))

    assert wire.is_closing()
    assert wire.written[before:] == frame(CLOSE, b"\x03\xe9", mask=None)
    assert protocol.queue.get_nowait()["bytes"] == b"the last words"  # type: ignore[typeddict-item]
    assert protocol.queue.get_nowait()["code"] == 1001  # type: ignore[typeddict-item]


async def test_an_application_that_still_talks_when_the_server_goes_is_not_at_fault() -> None:
    protocol, _ = await opened_protocol()

    protocol.shutdown()

    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "text": "hello?"})


async def test_a_peer_that_reads_nothing_does_not_hold_its_socket_for_ever() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    protocol, wire = make(ListenWebSocketProtocol, app)
    protocol.close_timeout = 0.001
    protocol.data_received(HEAD)

    await wire.aborted.wait()


async def test_a_shutdown_in_the_instant_of_the_peers_close_does_no_harm() -> None:
    protocol, wire = await opened_protocol()
    protocol.data_received(close())

    protocol.shutdown()

    assert wire.is_closing()


async def opened_protocol() -> tuple[WebSocketsSansIOProtocol, Any]:
    """Return a protocol whose application has accepted and reads nothing."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "listen_server": ASKS})
        opened.set()
        await asyncio.Event().wait()

    opened = asyncio.Event()
    protocol, wire = make(ListenWebSocketProtocol, app)
    protocol.data_received(HEAD)
    await opened.wait()
    return protocol, wire

"""The whole way of the audio: a real websocket client, a real uvicorn, a sink that remembers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversation import CONVERSATIONS, Conversation, describe, fields_of, read_conversation
from harness import SUBPROTOCOL, Running, say, serving, settings, until
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from listen_codecs.pcm import interleave
from listen_sinks.api import Call
from listen_sinks.memory import MemoryRecording, MemorySink

METADATA = '{"sampleRate":8000,"mixType":"mono","callSid":"c1"}'


async def replay(socket: ClientConnection, conversation: Conversation) -> None:
    for step in conversation.steps:
        match step.kind:
            case "text":
                await socket.send(step.text)
            case "audio":
                await socket.send(step.pieces if len(step.pieces) > 1 else step.pieces[0])
            case "close":
                await socket.close(step.code)
            case _:
                socket.transport.abort()


def account(recording: MemoryRecording) -> list[str]:
    call, outcome = recording.call, recording.outcome
    assert outcome is not None
    return [
        f"metadata {call.metadata_quality}",
        f"format {call.format.sample_rate} {call.format.mix}",
        *(describe(event) for event, _ in recording.events),
        *(f"flag {flag}" for flag in outcome.flags),
        f"frames {outcome.frames}",
        f"outcome {outcome.state}",
    ]


@pytest.mark.parametrize("fast", [True, False], ids=["our class", "stock class"])
@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
async def test_a_conversation_reaches_the_sink(file: Path, tmp_path: Path, fast: bool) -> None:  # noqa: FBT001 - a table
    conversation = read_conversation(file)
    route = {
        "sinks": ["memory"],
        "sample_rate": conversation.route.sample_rate,
        "mix": conversation.route.mix,
    }
    made = settings(tmp_path, routes={"/listen": route}, fast_receive=fast)

    async with serving(made) as server:
        async with server.connect() as socket:
            await replay(socket, conversation)
        await until(lambda: server.app.admission.active == 0)
        kept = list(server.memory().recordings.values())

    if conversation.expected == ["nothing"]:
        assert not kept
        return
    (recording,) = kept
    ours = [line for line in conversation.expected if not line.startswith(("ignored", "field"))]
    assert sorted(account(recording)) == sorted(ours)
    assert not fields_of(conversation.expected, recording.call.attributes)
    samples = interleave(recording.audio)
    assert samples == conversation.audio[: len(samples)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(settings(tmp_path)) as running:
        yield running


@pytest.mark.parametrize("name", ["audio.jambonz.org", "audio.drachtio.org"])
async def test_both_names_of_the_subprotocol_are_taken_and_echoed(
    server: Running, name: str
) -> None:
    async with server.connect(subprotocols=[name]) as socket:
        assert socket.subprotocol == name


@pytest.mark.parametrize("offered", [["ws.jambonz.org"], ["chat"], None])
async def test_another_subprotocol_is_refused_before_accept(
    server: Running, offered: list[str] | None
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await server.connect(subprotocols=offered)

    assert refused.value.response.status_code == 400
    assert b"audio.jambonz.org" in refused.value.response.body
    label = {"ws.jambonz.org": "ws.jambonz.org", "chat": "other"}.get((offered or [""])[0], "none")
    assert server.metric("listen_wrong_subprotocol_total", offered=label) == 1


async def test_any_subprotocol_is_taken_where_the_setting_says_so(tmp_path: Path) -> None:
    async with serving(settings(tmp_path, subprotocol="any")) as server:
        async with server.connect(subprotocols=["chat"]) as socket:
            assert socket.subprotocol == "chat"
        async with server.connect(subprotocols=None) as socket:
            assert socket.subprotocol is None


@pytest.mark.parametrize("path", ["/", "/listenfoo", "/other/listen"])
async def test_a_path_without_a_route_is_not_found(server: Running, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await server.connect(path)

    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("path", ["/listen", "/listen/", "/listen/a/b:4433", "/listen:4433"])
async def test_a_route_takes_any_tail(server: Running, path: str) -> None:
    async with server.connect(path + "?token=%2Fx") as socket:
        await socket.send(METADATA)
    recording = await server.recording()

    assert recording.call.route == "/listen"


async def test_two_streams_of_one_call_are_two_recordings(server: Running) -> None:
    async with server.connect() as first, server.connect() as second:
        await say(first, METADATA, b"\x01\x00" * 160)
        await say(second, METADATA, b"\x02\x00" * 160)
    await server.recording(1)

    kept = server.memory().recordings.values()
    assert sorted(int(recording.audio[0, 0]) for recording in kept) == [1, 2]
    assert len({recording.call.stream_id for recording in kept}) == 2


async def test_frames_are_read_once_per_tick(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with serving(settings(tmp_path, tick=0.2)) as server:
        began = loop.time()
        async with server.connect() as socket:
            await socket.send(METADATA)
            for _ in range(20):
                await socket.send(bytes(320))
                await asyncio.sleep(0.01)
        recording = await server.recording()
        ticks = (loop.time() - began) / 0.2

    assert recording.audio.shape == (1, 3200)
    assert len(recording.blocks) <= ticks * 1.15 + 2  # a turn of ticks.py is up to a tenth sooner


async def test_silence_ends_the_verb_with_one_disconnect(tmp_path: Path) -> None:
    route = {"sinks": ["memory"], "end_on_silence": 0.5}
    async with serving(settings(tmp_path, routes={"/listen": route})) as server:
        async with server.connect() as socket:
            await say(socket, METADATA, b"\x00\x20\x00\xe0" * 4000)  # a second of noise
            await say(socket, *[bytes(320)] * 50)
            assert json.loads(await socket.recv()) == {"type": "disconnect"}
        recording = await server.recording()

    assert recording.outcome is not None
    assert (recording.outcome.state, recording.outcome.reason) == ("complete", "silence")


async def test_metadata_sets_the_silence_that_ends_the_verb(server: Running) -> None:
    metadata = '{"sampleRate":8000,"mixType":"mono","end_on_silence":0.3}'
    async with server.connect() as socket:
        await say(socket, metadata, *[bytes(320)] * 20)

        assert json.loads(await socket.recv()) == {"type": "disconnect"}


async def test_nothing_is_sent_unasked(server: Running) -> None:
    async with server.connect() as socket:
        await say(socket, METADATA, *[bytes(320)] * 50)
        with pytest.raises(ConnectionClosed):
            await asyncio.gather(socket.recv(), socket.close())


async def test_a_stream_that_goes_on_too_long_is_closed(tmp_path: Path) -> None:
    route = {"sinks": ["memory"], "max_duration": 0.3}
    async with serving(settings(tmp_path, routes={"/listen": route})) as server:
        async with server.connect() as socket:
            await say(socket, METADATA, bytes(320))
            await socket.wait_closed()
            assert socket.close_code == 1000
        recording = await server.recording()

    assert recording.outcome is not None
    assert (recording.outcome.state, recording.outcome.reason) == ("complete", "max_duration")


async def test_audio_does_not_wait_for_metadata_for_ever(tmp_path: Path) -> None:
    async with serving(settings(tmp_path, metadata_timeout=0.1)) as server:
        async with server.connect() as socket:
            await socket.send(bytes(320))
            await until(lambda: server.memory().recordings)
            await socket.send(METADATA)
        recording = await server.recording()

    assert recording.call.metadata_quality == "missing"
    assert recording.audio.shape == (1, 160)


async def test_a_message_larger_than_any_of_jambonz_closes_its_connection_alone(
    server: Running,
) -> None:
    async with server.connect() as neighbour:
        await say(neighbour, METADATA, bytes(320))
        async with server.connect() as socket:
            await say(socket, METADATA, bytes(320))
            kept = server.memory().recordings
            await until(lambda: sum(r.frames for r in kept.values()) == 320)
            await socket.send(bytes(2 * 1024 * 1024 + 1))
            await socket.wait_closed()
            assert socket.close_code == 1009
        await neighbour.send(bytes(320))
    first, second = await server.recording(0), await server.recording(1)

    assert first.outcome is not None
    assert second.outcome is not None
    assert {(r.state, r.reason, r.frames) for r in (first.outcome, second.outcome)} == {
        ("interrupted", "message too large", 160),
        ("complete", "closed by jambonz", 320),
    }
    assert server.metric("listen_peer_errors_total", fault="message too large") == 1


@pytest.mark.parametrize("fast", [True, False])
async def test_the_largest_messages_are_no_fault_when_they_come_together(
    tmp_path: Path, *, fast: bool
) -> None:
    largest = 2 * 1024 * 1024
    route = {"/listen": {"sinks": ["memory"]}}
    limits = {"memory": {"seconds": 1000.0, "queue_seconds": 1000.0}}
    made = settings(tmp_path, fast_receive=fast, routes=route, sinks=limits)

    async with serving(made) as server:
        async with server.connect() as socket:
            await say(socket, METADATA, bytes(320), bytes(largest), bytes(largest), bytes(320))
        recording = await server.recording()

    assert recording.outcome is not None
    assert recording.outcome.reason == "closed by jambonz"
    assert recording.audio.shape == (1, 160 + largest + 160)


async def test_of_a_peer_ahead_of_real_time_nothing_is_lost_that_a_slow_sink_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, start = asyncio.Event(), MemorySink.start
    first, second = bytes(2 * 8000 * 4), bytes(2 * 8000 * 8)  # of ten seconds of queue

    async def start_late(sink: MemorySink, call: Call) -> None:
        await gate.wait()
        await start(sink, call)

    monkeypatch.setattr(MemorySink, "start", start_late)
    async with serving(settings(tmp_path)) as server:

        def came() -> float:
            server.app.telemetry.settle()
            return server.metric("listen_bytes_total")

        async with server.connect() as socket:
            await say(socket, METADATA, first, "{}", second)
            await until(lambda: came() == len(first) + len(second))
            gate.set()
            await socket.close()
        recording = await server.recording()

    assert recording.frames == (len(first) + len(second)) // 2
    assert recording.events == []


async def test_every_stream_has_a_final_record_when_the_server_stops(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as server:
        socket = await server.connect()
        await say(socket, METADATA, bytes(320))
        await until(lambda: any(r.frames for r in server.memory().recordings.values()))
    (recording,) = server.memory().recordings.values()

    assert recording.outcome is not None
    assert (recording.outcome.state, recording.outcome.reason) == ("interrupted", "server stopped")
    assert recording.audio.shape == (1, 160)
    await socket.close()


async def test_a_browser_is_told_what_the_address_is_for(server: Running) -> None:
    import httpx2

    async with httpx2.AsyncClient(timeout=60) as client:
        known = await client.get(f"http://127.0.0.1:{server.port}/listen")
        unknown = await client.get(f"http://127.0.0.1:{server.port}/")

    assert (known.status_code, unknown.status_code) == (426, 404)
    assert "jambonz" in known.text
    assert SUBPROTOCOL not in unknown.text

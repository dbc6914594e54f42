import asyncio
import json
from typing import Any

import pytest
from ports import held_port
from simulator.bare_server import CLOSE, TEXT, BareServer, bare_server
from simulator.calling import script, target_of

from listen_codecs.formats import AudioFormat
from listen_server.simulator.address import parse_address
from listen_server.simulator.live import CallResult, SimulatedCall, place_call
from listen_server.simulator.target import Target


async def answered_with(*texts: str, **options: Any) -> tuple[CallResult, BareServer]:
    """Play a call whose server says something after the first packet."""
    async with bare_server() as server:

        async def answer() -> None:
            await server.until(lambda: server.audio)
            for text in texts:
                server.say(TEXT, text.encode())

        answering = asyncio.create_task(answer())
        result = await place_call(target_of(server), script(**options))
        await asyncio.gather(answering, server.gone.wait())
        return result, server


async def test_the_command_disconnect_ends_the_call_as_jambonz_ends_it() -> None:
    result, server = await answered_with('{"type":"disconnect"}', seconds=20.0)

    assert (server.frames[-1].opcode, server.frames[-1].payload) == (CLOSE, b"\x03\xe8")
    assert (result.ended, result.fault) == ("disconnected", None)
    assert 0 < result.seconds < 20
    assert [command.type for command in result.commands] == ["disconnect"]


async def test_audio_for_the_caller_is_answered_with_play_done() -> None:
    play = {"id": "p1", "audioContent": "AAAA" * 400, "audioContentType": "raw"}

    result, server = await answered_with(
        json.dumps({"type": "playAudio", "data": play}), seconds=20.0
    )

    assert json.loads(server.texts[-1]) == {
        "type": "playDone",
        "data": {
            "id": "p1",
            "playbackSeconds": "0",
            "playbackMilliseconds": "38",
            "playbackLastOffsetPos": "304",
        },
    }
    assert result.ended == "completed"


async def test_a_mark_with_an_impossible_name_does_not_stop_the_call() -> None:
    result, server = await answered_with(
        r'{"type":"mark","data":{"name":"\udcff"}}', seconds=20.0, streaming_rate=8000
    )

    assert server.texts[-1] == '{"type": "mark", "data": {"name":"?", "event": "playout"}}'
    assert result.ended == "completed"


async def test_what_would_crash_a_media_server_ends_the_call_without_a_close() -> None:
    result, server = await answered_with('{"type":"playAudio","data":{}}', seconds=20.0)

    assert CLOSE not in [frame.opcode for frame in server.frames]
    assert result.ended == "crashed"
    assert "audioContentType" in (result.fault or "")


async def test_a_close_of_the_server_is_a_fault_with_its_code() -> None:
    async with bare_server() as server:
        placed = asyncio.create_task(place_call(target_of(server), script(60.0, speed=1.0)))
        await server.until(lambda: server.audio)
        server.say(CLOSE, b"\x03\xf3")
        result = await placed

    assert (result.ended, result.close_code) == ("closed by the server", 1011)
    assert result.fault is not None
    assert result.fault.endswith("s into the call, with code 1011")


async def test_a_server_that_drops_the_call_is_a_fault() -> None:
    async with bare_server() as server:
        placed = asyncio.create_task(place_call(target_of(server), script(60.0, speed=1.0)))
        await server.until(lambda: server.audio)
        server.hang_up()
        result = await placed

    assert result.ended == "dropped by the server"
    assert "without a word" in (result.fault or "")


async def test_a_hang_up_ends_the_call_early_and_properly() -> None:
    async with bare_server() as server:
        call = SimulatedCall(target_of(server), script(60.0, speed=1.0))
        running = asyncio.create_task(call.run())
        await server.until(lambda: server.audio)
        call.hang_up()
        result = await running
        await server.gone.wait()

    assert server.frames[-1].opcode == CLOSE
    assert (result.ended, result.fault) == ("hung up", None)
    assert result.seconds < 60


async def test_a_call_that_was_hung_up_first_is_not_placed() -> None:
    async with bare_server() as server:
        call = SimulatedCall(target_of(server), script())
        call.hang_up()

        assert (await call.run()).ended == "hung up"
        assert server.request == b""


async def test_a_cancelled_call_says_goodbye() -> None:
    async with bare_server() as server:
        running = asyncio.create_task(place_call(target_of(server), script(60.0, speed=1.0)))
        await server.until(lambda: server.audio)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.gone.wait()

    assert server.frames[-1].opcode == CLOSE


async def test_a_call_that_does_not_come_about_says_why() -> None:
    with held_port() as port:
        target = Target(address=parse_address(f"ws://127.0.0.1:{port}/listen"))
        result = await place_call(target, script())

    assert result.ended == "not connected"
    assert (result.fault or "").startswith("nothing listens on 127.0.0.1 port")


async def test_a_server_that_reads_too_slowly_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listen_server.simulator.client._FLUSH_SECONDS", 0.01)
    async with bare_server(receive_buffer=4096) as server:
        target = Target(address=parse_address(server.url), send_buffer=4096)
        call = SimulatedCall(
            target, script(format=AudioFormat(64000, "stereo"), pcm=bytes(5120 * 250), speed=1000.0)
        )
        running = asyncio.create_task(call.run())
        await server.until(lambda: server.audio)
        server.reading.clear()
        result = await running
        server.reading.set()

    assert result.overruns == 2
    assert "read too slowly, and jambonz lost" in (result.fault or "")


async def test_at_full_speed_a_slow_server_loses_nothing() -> None:
    pcm = bytes(index % 251 for index in range(5120 * 250))
    async with bare_server(receive_buffer=4096) as server:
        target = Target(address=parse_address(server.url), send_buffer=4096)
        result = await place_call(target, script(format=AudioFormat(64000, "stereo"), pcm=pcm))
        await server.gone.wait()

    assert server.audio == pcm
    assert (result.overruns, result.lost_bytes) == (0, 0)

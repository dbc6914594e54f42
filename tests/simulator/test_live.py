import asyncio
import hashlib
import json

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.bare_server import BINARY, CLOSE, TEXT, bare_server
from simulator.calling import played, script, target_of
from simulator.virtual_time import run_in_virtual_time

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioFormat, Mix
from listen_server.simulator.live import place_call
from listen_server.simulator.script import CallScript, Key, Pause


async def test_a_call_is_its_first_text_then_packets_of_20_ms_then_a_close() -> None:
    call = script(0.1, opening=b'{"sampleRate":8000}')

    result, server = await played(call)

    assert [frame.opcode for frame in server.frames] == [TEXT] + [BINARY] * 5 + [CLOSE]
    assert server.texts == ['{"sampleRate":8000}']
    assert server.audio == call.pcm
    assert result.ended == "completed"
    assert result.fault is None


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("mix", MIXES)
async def test_a_packet_has_the_bytes_of_its_rate_and_mix(rate: int, mix: Mix) -> None:
    audio_format = AudioFormat(rate, mix)
    size = rate // 50 * 2 * (2 if mix == "stereo" else 1)

    _, server = await played(script(format=audio_format, pcm=bytes(3 * size)))

    assert server.binary_sizes == [size] * 3


async def test_a_result_tells_what_was_sent() -> None:
    call = script(format=AudioFormat(8000, "stereo"), pcm=bytes(range(200)) * 20)

    result, _ = await played(call)

    assert (result.texts, result.frames, result.bytes, result.samples) == (1, 7, 4000, 1000)
    assert result.seconds == 0.125
    assert result.sha256 == hashlib.sha256(call.pcm).hexdigest()
    assert json.loads(json.dumps(result.as_json()))["commands"] == []


async def test_a_call_may_say_nothing_first() -> None:
    _, server = await played(script(0.02, opening=None))

    assert [frame.opcode for frame in server.frames] == [BINARY, CLOSE]


@pytest.mark.parametrize("opening", [b"", b"{not json", b'{"k":"\xc3', b"bug {}"])
async def test_a_call_may_say_nonsense_first(opening: bytes) -> None:
    _, server = await played(script(0.02, opening=opening))

    assert server.frames[0].payload == opening


async def test_keys_come_at_their_moment() -> None:
    _, server = await played(script(0.06, keys=(Key("5", 0.02), Key("#", 0.06))))

    assert [frame.opcode for frame in server.frames] == [
        *(TEXT, BINARY, TEXT, BINARY, BINARY, TEXT),
        CLOSE,
    ]


async def test_what_is_paused_is_never_sent() -> None:
    call = script(0.2, pauses=(Pause(0.04, 0.1),))

    result, server = await played(call)

    assert server.audio == call.pcm[:640] + call.pcm[1600:]
    assert result.seconds == pytest.approx(0.14)


async def test_audio_that_gathered_before_the_connection_comes_in_one_frame() -> None:
    _, server = await played(script(0.2, burst=0.1))

    assert server.binary_sizes == [5 * 320] + [320] * 5


async def test_what_gathered_is_sent_even_if_a_pause_follows_at_once() -> None:
    _, server = await played(script(0.2, burst=0.1, pauses=(Pause(0.06, 0.2),)))

    assert server.binary_sizes == [3 * 320]


@pytest.mark.parametrize("by", ["fin", "reset"])
async def test_a_caller_can_vanish(by: str) -> None:
    result, server = await played(script(1.0, abort_at=0.1, abort_by=by))

    assert CLOSE not in [frame.opcode for frame in server.frames]
    assert server.reset == (by == "reset")
    assert (result.ended, result.fault) == ("aborted", None)
    assert result.frames == 5


@settings(max_examples=20, deadline=None)
@given(
    audio_format=st.builds(AudioFormat, st.sampled_from(SAMPLE_RATES), st.sampled_from(MIXES)),
    frames=st.integers(0, 3000),
    keys=st.lists(st.floats(0, 1), max_size=3),
    speed=st.sampled_from([0, 200]),
    burst=st.floats(0, 1),
    resampled=st.booleans(),
)
async def test_what_a_server_unmasks_is_what_was_scripted(  # all that varies
    *,
    audio_format: AudioFormat,
    frames: int,
    keys: list[float],
    speed: float,
    burst: float,
    resampled: bool,
) -> None:
    pcm = bytes(index % 251 for index in range(frames * audio_format.frame_bytes))
    seconds = audio_format.seconds(frames)
    call = CallScript(
        format=audio_format,
        pcm=pcm,
        opening=b"{}",
        keys=tuple(Key("5", at * seconds) for at in keys),
        speed=speed,
        burst=burst * seconds,
        resampled=resampled,
    )

    result, server = await played(call)

    assert server.audio == pcm
    assert server.texts == ["{}"] + [Key("5", 0).text()] * len(keys)
    assert result.sha256 == hashlib.sha256(pcm).hexdigest()


def test_packets_leave_every_20_ms_and_never_drift() -> None:
    async def main() -> list[float]:
        async with bare_server() as server:
            await place_call(target_of(server), script(20.0, speed=1.0))
            await server.gone.wait()
            return [at for at, _ in server.arrivals]

    arrivals = run_in_virtual_time(main())

    first = arrivals[0]
    for number in range(1000):
        assert arrivals[number] - first == pytest.approx(number * 0.02, abs=0.001)
    assert arrivals[-1] - first == pytest.approx(20.0, abs=0.001)


@pytest.mark.parametrize("speed", [0.5, 4.0])
def test_speed_is_how_many_seconds_of_call_go_into_one(speed: float) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with bare_server() as server:
            start = loop.time()
            await place_call(target_of(server), script(2.0, speed=speed))
            return loop.time() - start

    assert run_in_virtual_time(main()) == pytest.approx(2.0 / speed, abs=0.01)


def test_a_call_goes_the_same_way_on_another_event_loop() -> None:
    call = script(0.5, keys=(Key("5", 0.1),))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result, server = runner.run(played(call))

    assert server.audio == call.pcm
    assert server.frames[-1].opcode == CLOSE
    assert result.fault is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioFormat, Mix
from listen_server.simulator.pipe import AudioPipe

STEREO_64K = AudioFormat(64000, "stereo")
PACKET = 5120  # bytes of 20 ms of it


def packet(number: int, size: int = PACKET) -> bytes:
    return bytes([number % 256]) * size


def test_packets_that_gather_leave_as_one() -> None:
    pipe = AudioPipe(STEREO_64K)
    pipe.write(packet(1))
    pipe.write(packet(2))

    assert pipe.take() == packet(1) + packet(2)
    assert pipe.take() == b""
    assert (pipe.overruns, pipe.lost) == (0, 0)


def test_an_overrun_loses_the_backlog_and_sixteen_bytes_of_what_follows() -> None:
    pipe = AudioPipe(STEREO_64K)
    for number in range(100 + 50):  # two seconds fill the buffer to the brim
        pipe.write(packet(number))

    frame = pipe.take()

    assert len(frame) == 50 * PACKET - 16 == 255984  # as seen on the wire
    assert frame[-PACKET:] == packet(149)
    assert (pipe.overruns, pipe.lost) == (1, 100 * PACKET + 16)


def test_after_an_overrun_the_cut_comes_once() -> None:
    pipe = AudioPipe(STEREO_64K)
    for number in range(101):
        pipe.write(packet(number))

    assert len(pipe.take()) == PACKET - 16

    pipe.write(packet(1))
    assert pipe.take() == packet(1)


def test_an_overrun_of_a_resampled_stream_loses_the_newest_packets() -> None:
    pipe = AudioPipe(STEREO_64K, resampled=True)
    for number in range(103):
        pipe.write(packet(number))

    frame = pipe.take()

    assert frame == b"".join(packet(number) for number in range(100))
    assert (pipe.overruns, pipe.lost) == (3, 3 * PACKET)


@pytest.mark.parametrize("seconds", [1, 2, 3, 5])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("mix", MIXES)
def test_the_buffer_takes_its_seconds_less_one_packet(rate: int, mix: Mix, seconds: int) -> None:
    audio_format = AudioFormat(rate, mix)
    size = rate // 50 * audio_format.frame_bytes
    pipe = AudioPipe(audio_format, seconds=seconds)

    for number in range(50 * seconds - 1):
        pipe.write(packet(number, size))
    before = pipe.overruns
    pipe.write(packet(0, size))

    assert (before, pipe.overruns) == (0, 1)


def test_what_a_hang_up_throws_away_counts_as_lost() -> None:
    pipe = AudioPipe(STEREO_64K)
    pipe.write(packet(1))

    pipe.discard()

    assert pipe.take() == b""
    assert pipe.lost == PACKET


@given(steps=st.lists(st.sampled_from(["write", "take"]), max_size=400), resampled=st.booleans())
def test_every_byte_is_sent_or_counted_as_lost(steps: list[str], *, resampled: bool) -> None:
    pipe = AudioPipe(AudioFormat(8000, "mono"), seconds=1, resampled=resampled)
    written = taken = 0

    for step in steps:
        if step == "write":
            pipe.write(packet(written, 320))
            written += 320
        else:
            taken += len(pipe.take())
    taken += len(pipe.take())
    pipe.discard()

    assert written == taken + pipe.lost

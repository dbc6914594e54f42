from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import AudioFormat, Demux, Mix, interleave
from listen_codecs.demux import _native

MONO = AudioFormat(8000, "mono")
STEREO = AudioFormat(8000, "stereo")


@settings(deadline=None)
@given(
    audio=st.binary(max_size=400),
    cuts=st.lists(st.integers(0, 400)),
    mix=st.sampled_from(["mono", "stereo", "mixed"]),
)
def test_where_the_network_cuts_the_stream_never_changes_the_audio(
    audio: bytes, cuts: list[int], mix: Mix
) -> None:
    demux = Demux(AudioFormat(8000, mix))
    edges = [0, *sorted(min(cut, len(audio)) for cut in cuts), len(audio)]

    blocks = [demux.feed(audio[start:stop]) for start, stop in pairwise(edges)]

    whole = len(audio) - demux.pending
    assert interleave(np.concatenate(blocks, axis=1)) == audio[:whole]
    assert demux.pending == len(audio) % AudioFormat(8000, mix).frame_bytes


def test_stereo_comes_apart_into_what_the_party_says_and_what_it_hears() -> None:
    block = Demux(STEREO).feed(bytes.fromhex("0100 ffff 0200 feff"))

    assert block.tolist() == [[1, 2], [-1, -2]]


def test_samples_are_signed_and_little_endian() -> None:
    block = Demux(MONO).feed(bytes.fromhex("0100 0001 ffff 0080 ff7f"))

    assert block.tolist() == [[1, 256, -1, -32768, 32767]]


@pytest.mark.parametrize("audio_format", [MONO, STEREO], ids=["mono", "stereo"])
@pytest.mark.parametrize("data", [b"", b"\x01"])
def test_an_empty_or_incomplete_message_is_a_block_without_frames(
    audio_format: AudioFormat, data: bytes
) -> None:
    demux = Demux(audio_format)

    block = demux.feed(data)

    assert block.shape == (audio_format.channels, 0)
    assert block.dtype == np.int16
    assert demux.pending == len(data)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7])
def test_a_stream_that_trickles_in_loses_nothing(step: int) -> None:
    audio = np.arange(-500, 500, dtype="<i2").tobytes()
    demux = Demux(STEREO)

    blocks = [demux.feed(audio[at : at + step]) for at in range(0, len(audio), step)]

    assert interleave(np.concatenate(blocks, axis=1)) == audio
    assert demux.pending == 0


@pytest.mark.parametrize("audio_format", [MONO, STEREO], ids=["mono", "stereo"])
@pytest.mark.parametrize("odd", [0, 1], ids=["whole", "split"])
def test_nobody_who_shares_a_block_can_write_into_it(audio_format: AudioFormat, odd: int) -> None:
    demux = Demux(audio_format)
    demux.feed(bytes(odd))

    for block in (demux.feed(bytes(64)), demux.feed(bytearray(64)), demux.feed(b"")):
        assert not block.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            block[...] = 1


def test_a_receive_buffer_can_be_used_again_at_once() -> None:
    buffer = bytearray(np.array([1, 2, 3], "<i2").tobytes())
    demux = Demux(MONO)

    first = demux.feed(memoryview(buffer)[:4])
    second = demux.feed(buffer)
    buffer[:] = bytes(len(buffer))
    buffer.clear()

    assert first.tolist() == [[1, 2]]
    assert second.tolist() == [[1, 2, 3]]


def test_a_message_is_not_copied_when_nothing_is_carried_over() -> None:
    data = bytes(640)

    block = Demux(STEREO).feed(data)

    assert np.shares_memory(block, np.frombuffer(data, np.int16))
    assert block.flags.aligned
    assert block.T.flags.c_contiguous


def test_a_machine_of_the_other_byte_order_gets_the_same_samples() -> None:
    foreign = np.array([[1, 256, -1, -32768]], np.dtype(np.int16).newbyteorder())

    block = _native(foreign)

    assert block.tolist() == [[1, 256, -1, -32768]]
    assert block.dtype.isnative
    assert not block.flags.writeable

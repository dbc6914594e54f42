import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs import AudioFormat, Demux, deinterleave, interleave


@settings(deadline=None)
@given(channels=st.integers(1, 6), frames=st.integers(0, 50), seed=st.integers(0, 2**32))
def test_channels_put_together_come_apart_the_same(channels: int, frames: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-32768, 32768, (channels, frames), np.int16)

    data = interleave(noise)

    assert len(data) == 2 * channels * frames
    assert np.array_equal(deinterleave(data, channels), noise)
    assert interleave(deinterleave(data, channels)) == data


def test_a_block_of_the_wire_goes_back_to_the_same_bytes() -> None:
    data = bytes(range(64))

    assert interleave(Demux(AudioFormat(8000, "stereo")).feed(data)) == data


def test_a_slice_of_a_block_is_interleaved_like_any_other() -> None:
    block = np.arange(20, dtype=np.int16).reshape(2, 10)

    assert interleave(block[:, 2:8:3]) == np.array([2, 12, 5, 15], "<i2").tobytes()


def test_a_machine_of_the_other_byte_order_writes_the_same_bytes() -> None:
    foreign = np.array([[1, -2]], np.dtype(np.int16).newbyteorder())

    assert interleave(foreign) == bytes.fromhex("0100 feff")


def test_audio_that_is_not_int16_is_refused_instead_of_cut_down() -> None:
    for dtype in (np.float32, np.int32, np.uint16):
        with pytest.raises(TypeError):
            interleave(np.zeros((1, 4), dtype))


def test_samples_without_a_channel_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="channels, frames"):
        interleave(np.zeros(4, np.int16))


@pytest.mark.parametrize(("size", "channels"), [(1, 1), (3, 1), (2, 2), (6, 2), (4, 0), (4, -1)])
def test_a_buffer_that_ends_inside_a_frame_is_refused(size: int, channels: int) -> None:
    with pytest.raises(ValueError, match="channel"):
        deinterleave(bytes(size), channels)


def test_a_deinterleaved_buffer_is_read_only_and_its_own() -> None:
    buffer = bytearray(b"\x01\x00\x02\x00")

    block = deinterleave(buffer, 2)
    buffer.clear()

    assert block.tolist() == [[1], [2]]
    assert not block.flags.writeable

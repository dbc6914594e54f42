import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from listen_codecs import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

Encode = Callable[[NDArray[np.int16]], NDArray[np.uint8]]
Decode = Callable[[NDArray[np.uint8]], NDArray[np.int16]]

LAWS = pytest.mark.parametrize(
    ("codec", "encode", "decode"),
    [("ULAW", encode_ulaw, decode_ulaw), ("ALAW", encode_alaw, decode_alaw)],
    ids=["mu-law", "A-law"],
)
EVERY_SAMPLE = np.arange(65536, dtype=np.uint16).view(np.int16)
EVERY_CODE = np.arange(256, dtype=np.uint8)


@LAWS
def test_every_sample_is_coded_as_libsndfile_codes_it(
    codec: str, encode: Encode, decode: Decode
) -> None:
    theirs = io.BytesIO()
    soundfile.write(theirs, EVERY_SAMPLE, 8000, codec, format="RAW")

    assert encode(EVERY_SAMPLE).tobytes() == theirs.getvalue()
    assert decode(EVERY_CODE).dtype == np.int16


@LAWS
def test_every_code_is_heard_as_libsndfile_hears_it(
    codec: str, encode: Encode, decode: Decode
) -> None:
    raw = io.BytesIO(EVERY_CODE.tobytes())
    theirs, _ = soundfile.read(
        raw, -1, 0, None, "int16", format="RAW", subtype=codec, samplerate=8000, channels=1
    )

    assert np.array_equal(decode(EVERY_CODE), theirs)
    assert encode(EVERY_SAMPLE).dtype == np.uint8


@LAWS
def test_audio_that_was_coded_once_stays_as_it_is(
    codec: str, encode: Encode, decode: Decode
) -> None:
    once = decode(encode(EVERY_SAMPLE))

    assert np.array_equal(decode(encode(once)), once), codec


def test_known_values_of_the_recommendation() -> None:
    assert encode_ulaw(np.array([0, 32767, -32768], np.int16)).tolist() == [0xFF, 0x80, 0x00]
    assert encode_alaw(np.array([0, 32767, -32768], np.int16)).tolist() == [0xD5, 0xAA, 0x2A]
    assert decode_ulaw(np.array([0xFF, 0x7F, 0x80, 0x00], np.uint8)).tolist() == [
        *(0, 0, 32124, -32124)
    ]
    assert decode_alaw(np.array([0xD5, 0x55, 0xAA, 0x2A], np.uint8)).tolist() == [
        *(8, -8, 32256, -32256)
    ]


@LAWS
def test_a_block_keeps_its_shape(codec: str, encode: Encode, decode: Decode) -> None:
    stereo_of_the_wire = EVERY_SAMPLE[:1000].reshape(-1, 2).T

    codes = encode(stereo_of_the_wire)

    assert codes.shape == decode(codes).shape == (2, 500), codec


@LAWS
def test_samples_are_not_taken_for_codes(codec: str, encode: Encode, decode: Decode) -> None:
    with pytest.raises(TypeError, match="uint8"):
        decode(EVERY_SAMPLE)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="int16"):
        encode(EVERY_CODE)  # type: ignore[arg-type]
    assert codec

"""G.711, the 8-bit logarithmic PCM of telephone networks; pcm.py has the linear kind.

Source: ITU-T Recommendation G.711 (11/88), tables 1a to 2b. mu-law codes 14 bits of a sample,
A-law 13: what a 16-bit sample has beyond that is cut off towards zero, as libsndfile does it, so
that every value equals libsndfile's in both directions.
"""

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint8]
Samples: TypeAlias = NDArray[np.int16]


def encode_ulaw(samples: Samples) -> Codes:
    """Return the mu-law codes of int16 samples, in their shape. Raises TypeError for others."""
    return _encode(_ulaw_codes(), samples)


def decode_ulaw(codes: Codes) -> Samples:
    """Return the int16 samples of mu-law codes, in their shape. Raises TypeError for others."""
    return _decode(_ulaw_samples(), codes)


def encode_alaw(samples: Samples) -> Codes:
    """Return the A-law codes of int16 samples, in their shape. Raises TypeError for others."""
    return _encode(_alaw_codes(), samples)


def decode_alaw(codes: Codes) -> Samples:
    """Return the int16 samples of A-law codes, in their shape. Raises TypeError for others."""
    return _decode(_alaw_samples(), codes)


def _encode(table: Codes, samples: Samples) -> Codes:
    if samples.dtype != np.int16:
        raise TypeError(f"expected samples of int16, got {samples.dtype}")
    return table[samples.astype(np.uint16)]  # a negative sample finds its place in the upper half


def _decode(table: Samples, codes: Codes) -> Samples:
    if codes.dtype != np.uint8:
        raise TypeError(f"expected codes of uint8, got {codes.dtype}")
    return table[codes]


@cache
def _ulaw_codes() -> Codes:
    """Sign, segment, four bits within it; all of them inverted. Index: the sample as uint16."""
    samples = _every_sample()
    magnitude = np.minimum(np.abs(samples) >> 2, 8158) + 33  # 33: segments begin at powers of two
    segment = _bits(magnitude) - 6
    low = (magnitude >> (segment + 1)) & 15
    code: NDArray[np.int64] = (segment << 4) | low | np.where(samples < 0, 0x80, 0)
    return (code ^ 0xFF).astype(np.uint8)


@cache
def _ulaw_samples() -> Samples:
    code = np.arange(256) ^ 0xFF
    magnitude = ((((code & 15) << 1) + 33) << ((code >> 4) & 7)) - 33
    return (4 * np.where(code & 0x80, -magnitude, magnitude)).astype(np.int16)


@cache
def _alaw_codes() -> Codes:
    """Sign, segment, four bits within it; every other bit inverted. Index: as for mu-law."""
    samples = _every_sample()
    magnitude = np.minimum(np.abs(samples) >> 4, 2047)
    segment = np.maximum(_bits(magnitude) - 4, 0)
    low = (magnitude >> np.maximum(segment - 1, 0)) & 15
    code: NDArray[np.int64] = (segment << 4) | low | np.where(samples < 0, 0, 0x80)
    return (code ^ 0x55).astype(np.uint8)


@cache
def _alaw_samples() -> Samples:
    code = np.arange(256) ^ 0x55
    segment, low = (code >> 4) & 7, ((code & 15) << 1) + 1  # the middle of the interval
    magnitude = np.where(segment == 0, low, (low + 32) << np.maximum(segment - 1, 0))
    return (8 * np.where(code & 0x80, magnitude, -magnitude)).astype(np.int16)


def _every_sample() -> NDArray[np.int64]:
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _bits(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many bits each value below 2**53 needs: 0 for 0, 4 for 15, 5 for 16."""
    return np.frexp(values)[1].astype(np.int64)

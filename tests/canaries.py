"""Words and samples that must not be found anywhere, and a search for them in any spelling."""

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import interleave

FIELDS = (
    *("callSid", "from", "to", "callerName", "callId", "sbcCallid", "accountSid", "traceId"),
    *("applicationSid", "parentCallSid", "direction", "originatingSipIp", "sipReason", "mailbox"),
)
OTHERS = ("nested", "key", "path", "mark", "summary", "playback")


def canary(name: str) -> str:
    """Return the word of a field; nobody else would write it."""
    return f"canary-{name}-9f1c"


def samples(channels: int, seed: int) -> AudioBlock:
    """Make samples that do not come by chance: (channels, 64), int16."""
    return np.random.default_rng(seed).integers(-30000, 30000, (channels, 64), np.int16)


def singing(seconds: float, channels: int = 1, seed: int = 5) -> AudioBlock:
    """Make audio that is the same samples again and again, (channels, frames) at 8 kHz."""
    times = round(seconds * 8000) // 64
    return np.tile(samples(channels, seed), (1, times))


def needles(channels: int = 1, seed: int = 5) -> dict[str, bytes]:
    """Return every spelling of everything, by what it is."""
    found: dict[str, bytes] = {}
    for name in (*FIELDS, *OTHERS):
        found |= {f"{name} as {how}": data for how, data in _spelt(canary(name))}
    block = samples(channels, seed)
    pieces = {
        "samples": interleave(block)[:24],
        "big-endian samples": interleave(block.byteswap())[:24],
        "a channel": block[0].astype("<i2").tobytes()[:24],
        "floats": (block[0] / np.float32(32768)).astype("<f4").tobytes()[:24],
        "high bytes": (block[0] >> 8).astype(np.int8).tobytes()[:24],
    }
    for what, data in pieces.items():
        found |= {f"{what} as {how}": piece for how, piece in _encoded(data)}
    return found


def _spelt(word: str) -> Iterable[tuple[str, bytes]]:
    yield "utf-16", word.encode("utf-16-le")
    yield "utf-16-be", word.encode("utf-16-be")
    yield "an address", quote(word, safe="").replace("-", "%2D").encode()
    yield "JSON escapes", "".join(f"\\u{ord(letter):04x}" for letter in word).encode()
    yield from _encoded(word.encode())


def _encoded(data: bytes) -> Iterable[tuple[str, bytes]]:
    yield "it is", data
    yield "it is, backwards", data[::-1]
    yield "hex", data.hex().encode()
    yield "HEX", data.hex().upper().encode()
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + data)
        yield f"base64 behind {shift}", whole[4:-4]
        yield f"base64url behind {shift}", base64.urlsafe_b64encode(b"x" * shift + data)[4:-4]


def found_below(folder: Path, wanted: dict[str, bytes]) -> set[str]:
    """Name what is found in any file below a folder, or in the name of one."""
    haystack = bytearray()
    for path in folder.rglob("*"):
        haystack += str(path.relative_to(folder)).encode() + b"\0"
        try:
            haystack += path.read_bytes() + b"\0"
        except (OSError, IsADirectoryError):
            continue  # a folder, or gone by now
    return {what for what, data in wanted.items() if data in haystack}

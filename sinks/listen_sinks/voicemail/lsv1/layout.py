"""Where the bytes of an object are. FORMAT.md, sections 2 and 4."""

import hashlib
from typing import Final

from listen_sinks.voicemail.labels import label
from listen_sinks.voicemail.sealed import TAG

MAGIC: Final = b"LSV1"
LENGTH_FIELD: Final = 4
HEADER_AT: Final = len(MAGIC) + LENGTH_FIELD
LONGEST_HEADER: Final = 1024
SALT: Final = 24
COMMITMENT: Final = 32
LONGEST_PREFIX: Final = HEADER_AT + LONGEST_HEADER + SALT + COMMITMENT

CHUNK: Final = 16384  # bytes of plaintext
SEALED_CHUNK: Final = CHUNK + TAG
MOST_CHUNKS: Final = 2**38


def audio_context(head: bytes) -> bytes:
    """Bind a body to the magic, length and header in front of it."""
    return label("audio", hashlib.sha256(head).digest())

"""Tail records: the audio behind the last whole chunk, while a call is on. FORMAT.md, section 5."""

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag

from listen_sinks.voicemail.lsv1.layout import CHUNK
from listen_sinks.voicemail.sealed import NONCE, TAG, derived

_NONCE = struct.Struct(">QI")  # number of the chunk, bytes of it
LONGEST_TAIL: Final = NONCE + CHUNK - 1 + TAG
"""Bytes of a record at most."""


class Tails:
    """Seal and open the tail records of one object."""

    def __init__(self, message_key: bytes, prefix: bytes) -> None:
        self._cipher = derived(message_key, "tail", hashlib.sha256(prefix).digest())

    def seal(self, chunk: int, begun: bytes) -> bytes:
        """Seal the beginning of a chunk. Chunk and length stand for these bytes for ever."""
        nonce = _NONCE.pack(chunk, len(begun))
        return nonce + self._cipher.encrypt(nonce, begun, None)

    def newest(self, chunk: int, records: Iterable[bytes]) -> bytes:
        """Return the longest beginning of that chunk that opens, or nothing."""
        fitting = [record for record in records if _is_record(record, chunk)]
        for record in sorted(fitting, key=len, reverse=True):
            try:
                return self._cipher.decrypt(record[:NONCE], record[NONCE:], None)
            except InvalidTag:
                continue
        return b""


def split_tails(blob: bytes) -> list[bytes]:
    """Cut records that were joined apart, without a key; what cannot be a record ends them."""
    records = []
    while size := _record_size(blob):
        records.append(blob[:size])
        blob = blob[size:]
    return records


def _record_size(data: bytes) -> int:
    """Return how many bytes the record has that the data begin with; 0 if there is none."""
    if len(data) < NONCE:
        return 0
    _, length = _NONCE.unpack_from(data)
    size = NONCE + length + TAG
    return size if 1 <= length < CHUNK and size <= len(data) else 0


def _is_record(record: bytes, chunk: int) -> bool:
    return _record_size(record) == len(record) > 0 and _NONCE.unpack_from(record)[0] == chunk

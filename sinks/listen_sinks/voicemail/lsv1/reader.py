"""Read an object: any range of its audio, and where it ends. FORMAT.md, sections 4, 5 and 8."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from listen_sinks.voicemail.lsv1.header import read_header
from listen_sinks.voicemail.lsv1.layout import (
    CHUNK,
    COMMITMENT,
    LONGEST_PREFIX,
    MOST_CHUNKS,
    SALT,
    SEALED_CHUNK,
    audio_context,
)
from listen_sinks.voicemail.lsv1.ranges import Read
from listen_sinks.voicemail.lsv1.tail import Tails
from listen_sinks.voicemail.sealed import KEY, NONCE, TAG, Refused

_SCHEME: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
_WINDOW: Final = 64  # chunks that are looked at in one read where all are


class Damaged(Exception):  # noqa: N818 - it is a verdict, and read as one
    """Chunks that do not open; all other chunks do, or have not been looked at."""

    def __init__(self, chunks: tuple[int, ...]) -> None:
        super().__init__(f"{len(chunks)} chunk(s) do not open, the first is number {chunks[0]}")
        self.chunks = chunks


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Audio in which chunks that do not open are zeros of the same length."""

    plain: bytes
    damaged: tuple[int, ...]  # numbers of these chunks


class BodyReader:
    """The audio of one object, sealed or cut. Every read touches only the chunks it needs.

    `read` gives the bytes of an object of `size` bytes; `tails` are the tail records at hand.
    Raises Refused where nothing of the object may be used.
    """

    def __init__(
        self,
        read: Read,
        size: int,
        message_key: bytes,
        *,
        message: str,
        part: int,
        tails: Iterable[bytes] = (),
    ) -> None:
        prefix = read(0, min(size, LONGEST_PREFIX)) if size else b""
        self.header, self._start = read_header(prefix)
        if (self.header.message, self.header.part) != (message, part):
            raise Refused("this is the audio of another message or part")
        self._read = read
        self._cipher, self._base_nonce = _body_key(message_key, prefix[: self._start])
        self._find_end(size, Tails(message_key, prefix[: self._start]), tails)

    def _find_end(self, size: int, cipher: Tails, tails: Iterable[bytes]) -> None:
        whole, rest = divmod(size - self._start, SEALED_CHUNK)
        if whole >= MOST_CHUNKS:
            raise Refused("an LSV1 object has too many chunks")
        final = self._opened(whole, self._fetch(whole, rest), rest) if rest >= TAG else None
        if final is None:
            while whole and self._opened(whole - 1, self._fetch(whole - 1, SEALED_CHUNK)) is None:
                whole -= 1
        self.ending: Literal["sealed", "cut"] = "cut" if final is None else "sealed"
        """Whether the end of the audio is known to be its end."""
        self._whole = whole
        self._last = cipher.newest(whole, tails) if final is None else final
        self.length = whole * CHUNK + len(self._last)
        """Bytes of audio, those of damaged chunks included."""
        self.from_tail = len(self._last) if final is None else 0
        """Bytes at the end that are from a tail record."""
        self.loose = size - self._start - whole * SEALED_CHUNK if final is None else 0
        """Bytes at the end of a cut object that are of no use."""

    def read(self, start: int, stop: int) -> bytes:
        """Return audio bytes, as a slice would; raises Damaged if any of them does not open."""
        found = self.salvage(start, stop)
        if found.damaged:
            raise Damaged(found.damaged)
        return found.plain

    def salvage(self, start: int, stop: int) -> Salvaged:
        """Return audio bytes, as a slice would, with zeros where a chunk does not open."""
        start, stop = max(start, 0), min(stop, self.length)
        if start >= stop:
            return Salvaged(b"", ())
        first, end = start // CHUNK, (stop - 1) // CHUNK + 1
        sealed_end = min(end, self._whole)
        plain, damaged = self._open_chunks(first, sealed_end)
        if end > self._whole:
            plain += self._last
        skipped = start - first * CHUNK
        return Salvaged(bytes(plain[skipped : skipped + stop - start]), damaged)

    def damaged_chunks(self) -> tuple[int, ...]:
        """Open the whole object, a mebibyte at a time; return the chunks that do not open."""
        found: list[int] = []
        for first in range(0, self._whole, _WINDOW):
            found += self._open_chunks(first, min(first + _WINDOW, self._whole))[1]
        return tuple(found)

    def _open_chunks(self, first: int, end: int) -> tuple[bytearray, tuple[int, ...]]:
        plain, damaged = bytearray(), []
        sealed = self._fetch(first, (end - first) * SEALED_CHUNK) if first < end else b""
        for number in range(first, end):
            at = (number - first) * SEALED_CHUNK
            chunk = self._opened(number, sealed[at : at + SEALED_CHUNK])
            if chunk is None:
                damaged.append(number)
            plain += bytes(CHUNK) if chunk is None else chunk
        return plain, tuple(damaged)

    def _fetch(self, chunk: int, length: int) -> bytes:
        return self._read(self._start + chunk * SEALED_CHUNK, length)

    def _opened(self, number: int, sealed: bytes, size: int = SEALED_CHUNK) -> bytes | None:
        if len(sealed) != size:
            return None
        nonce = (self._base_nonce ^ number).to_bytes(NONCE, "big")
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            return None


def _body_key(message_key: bytes, prefix: bytes) -> tuple[AESGCM, int]:
    """Return what opens chunks, and the nonce of the first as a number; checks the commitment."""
    fixed = len(prefix) - SALT - COMMITMENT
    salt, commitment = prefix[fixed : fixed + SALT], prefix[fixed + SALT :]
    info = _SCHEME + salt + audio_context(prefix[:fixed])
    expanded = HKDFExpand(SHA512(), KEY + NONCE + COMMITMENT, info).derive(message_key)
    if not hmac.compare_digest(expanded[KEY + NONCE :], commitment):
        raise Refused("an LSV1 object and its key do not belong together, or its header is changed")
    return AESGCM(expanded[:KEY]), int.from_bytes(expanded[KEY : KEY + NONCE], "big")

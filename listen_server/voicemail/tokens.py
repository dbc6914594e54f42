"""Tokens: what this server tells itself through others, sealed and not to be kept for long.

    seal(purpose, data, seconds) -> text for a url or verb -> open(purpose, text) -> data, or None

Fernet (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec) with a key for each purpose,
derived from what processes that share a database share.
"""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

PURPOSE: Final = "voicemail tokens"
"""What the secret is derived for (`Voicemail.derive`)."""
_UNTIL: Final = "~until"
_LONGEST: Final = 8192  # characters of a token that are looked at


class Tokens:
    """Seals and opens. `clock` gives Unix time."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._boxes: dict[str, Fernet] = {}

    def seal(self, purpose: str, data: Mapping[str, Any], seconds: float) -> str:
        """Return a text of letters, digits, `-`, `_` and `=` that opens for so many seconds."""
        until = round(self._clock() + seconds, 3)
        plain = json.dumps({**data, _UNTIL: until}, separators=(",", ":")).encode()
        return self._box(purpose).encrypt_at_time(plain, int(self._clock())).decode("ascii")

    def open(self, purpose: str, token: str) -> dict[str, Any] | None:
        """Return what was sealed; None if it is too old, altered, or for another purpose."""
        if len(token) > _LONGEST or not _is_as_written(token):
            return None
        try:
            data: dict[str, Any] = json.loads(self._box(purpose).decrypt(token.encode()))
        except InvalidToken:
            return None
        return data if self._clock() < data.pop(_UNTIL) else None

    def _box(self, purpose: str) -> Fernet:
        if purpose not in self._boxes:
            derive = HKDFExpand(SHA256(), 32, purpose.encode())
            self._boxes[purpose] = Fernet(urlsafe_b64encode(derive.derive(self._secret)))
        return self._boxes[purpose]


def _is_as_written(token: str) -> bool:
    """Tell base64 as it is written from the other spellings that decoders take for the same."""
    try:
        return urlsafe_b64encode(urlsafe_b64decode(token)) == token.encode("ascii")
    except ValueError:  # binascii.Error and UnicodeError are of its kind
        return False

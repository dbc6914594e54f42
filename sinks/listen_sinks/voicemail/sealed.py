"""Small sealed values (metadata, transcript, peaks) and the keys that are derived for them.

FORMAT.md, section 6. lsv1/tail.py derives its key here too.
"""

import os
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from listen_sinks.voicemail.labels import label

Label: TypeAlias = Literal["meta", "transcript", "words", "peaks"]

KEY: Final = 32  # bytes
NONCE: Final = 12
TAG: Final = 16
_VERSION: Final = b"\x01"


class Refused(Exception):  # noqa: N818 - it is a verdict, and read as one
    """Something sealed that must not be used: not ours, changed, or under another key."""


def derived(message_key: bytes, name: str, context: bytes) -> AESGCM:
    """Make the cipher for one use of a message key."""
    if len(message_key) != KEY:
        raise ValueError(f"a message key has {KEY} bytes")
    return AESGCM(HKDFExpand(SHA512(), KEY, label(name, context)).derive(message_key))


def seal(message_key: bytes, name: Label, context: bytes, plain: bytes) -> bytes:
    """Seal a small value; `context` is `labels.value_context`. Adds 29 bytes."""
    nonce = os.urandom(NONCE)
    return _VERSION + nonce + derived(message_key, name, context).encrypt(nonce, plain, None)


def unseal(message_key: bytes, name: Label, context: bytes, sealed: bytes) -> bytes:
    """Open what `seal` made. Raises Refused if key, label, context or a byte is another."""
    if sealed[:1] != _VERSION or len(sealed) < len(_VERSION) + NONCE + TAG:
        raise Refused(f"this is no sealed {name}")
    nonce, rest = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
    try:
        return derived(message_key, name, context).decrypt(nonce, rest, None)
    except InvalidTag:
        raise Refused(f"a sealed {name} does not open: changed, or of another message") from None

"""Key pairs of mailboxes, and what is sealed to them: HPKE. rotation.py wraps the pairs.

FORMAT.md, section 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from listen_sinks.voicemail.keys.provider import WrongKey
from listen_sinks.voicemail.labels import check_number, check_ulid, fields, label
from listen_sinks.voicemail.sealed import KEY


@dataclass(frozen=True, slots=True)
class _Kem:
    """What a KEM's name stands for."""

    suite: hpke.Suite
    generate: Callable[[], Any]
    load_public: Callable[[bytes], Any]
    load_private: Callable[[bytes], Any]


_PROFILE: Final = b"\x01"  # the first byte of a sealed one: its form

X25519: Final = "x25519"
_KEMS: Final = {
    X25519: _Kem(
        hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
        X25519PrivateKey.generate,
        X25519PublicKey.from_public_bytes,
        X25519PrivateKey.from_private_bytes,
    )
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """All that a receiver needs of a mailbox. Raises ValueError if it is no key."""

    mailbox: str  # ULID
    version: int
    kem: str
    raw: bytes

    def __post_init__(self) -> None:
        check_ulid(self.mailbox)
        check_number(self.version, least=1)
        _kem(self.kem).load_public(self.raw)


class PrivateKey:
    """What opens the envelopes of one version of a mailbox. Shows nothing of itself."""

    __slots__ = ("_key", "public")

    def __init__(self, mailbox: str, version: int, kem: str, raw: bytes) -> None:
        self._key = _kem(kem).load_private(raw)
        self.public: Final = PublicKey(
            mailbox, version, kem, self._key.public_key().public_bytes_raw()
        )

    def open_envelope(self, envelope: bytes, message_id: str, part: int) -> bytes:
        """Return the message key. Raises WrongKey if it is not for this key, message and part."""
        info = _info(self.public, message_id, part)
        try:
            key = _kem(self.public.kem).suite.decrypt(envelope, self._key, info=info)
        except InvalidTag:
            raise WrongKey("keys: an envelope does not open: changed, or not for this") from None
        if len(key) != KEY:
            raise WrongKey("keys: an envelope holds no message key")
        return key

    def open_profile(self, sealed: bytes) -> bytes:
        """Return a profile in the clear. Raises WrongKey if it is not for this key."""
        try:
            if profile_version(sealed) == self.public.version:
                kem, info = _kem(self.public.kem), _profile_info(self.public)
                return kem.suite.decrypt(sealed[len(_PROFILE) + 4 :], self._key, info=info)
        except InvalidTag:
            pass
        raise WrongKey("keys: a profile does not open: changed, or not for this")


def new_pair(mailbox: str, version: int, kem: str = X25519) -> tuple[PublicKey, bytes]:
    """Make a pair; the second is the private key, raw, to be wrapped at once."""
    raw = _kem(kem).generate().private_bytes_raw()
    return PrivateKey(mailbox, version, kem, raw).public, raw


def seal_message_key(key: bytes, to: PublicKey, message_id: str, part: int) -> bytes:
    """Make the envelope of a message key. Needs nothing secret but the key itself.

    Raises ValueError if the mailbox's public key is one of those that hide nothing.
    """
    if len(key) != KEY:
        raise ValueError(f"a message key has {KEY} bytes")
    kem = _kem(to.kem)
    info = _info(to, message_id, part)
    return kem.suite.encrypt(key, kem.load_public(to.raw), info=info)


def seal_profile(plain: bytes, to: PublicKey) -> bytes:
    """Seal what is personal about a mailbox. Adds 53 bytes. Raises ValueError as above."""
    kem = _kem(to.kem)
    sealed = kem.suite.encrypt(plain, kem.load_public(to.raw), info=_profile_info(to))
    return _PROFILE + to.version.to_bytes(4, "big") + sealed


def profile_version(sealed: bytes) -> int:
    """Say to which version of the mailbox's key a profile is sealed. Raises WrongKey."""
    if len(sealed) < len(_PROFILE) + 4 or not sealed.startswith(_PROFILE):
        raise WrongKey("keys: this is no sealed profile")
    return int.from_bytes(sealed[len(_PROFILE) :][:4], "big")


def _kem(name: str) -> _Kem:
    if name not in _KEMS:
        raise ValueError(f"this version knows no KEM {name!r}, only {', '.join(_KEMS)}")
    return _KEMS[name]


def _info(key: PublicKey, message: str, part: int) -> bytes:
    ids = fields(check_ulid(message), check_number(part), key.mailbox, key.version, key.kem)
    return label("key", ids)


def _profile_info(key: PublicKey) -> bytes:
    return label("profile", fields(key.mailbox, key.version, key.kem))

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from key_contract import shapes
from sealed_audio import KEY, MAILBOX, MESSAGE

from listen_sinks.voicemail.keys import (
    PrivateKey,
    PublicKey,
    WrongKey,
    new_pair,
    seal_message_key,
)

PUBLIC, RAW = new_pair(MAILBOX, 1)
PRIVATE = PrivateKey(MAILBOX, 1, "x25519", RAW)


def test_a_message_key_reaches_its_mailbox_in_80_bytes() -> None:
    envelope = seal_message_key(KEY, PUBLIC, MESSAGE, 0)

    assert PRIVATE.open_envelope(envelope, MESSAGE, 0) == KEY
    assert len(envelope) == 80
    assert KEY not in envelope


def test_two_envelopes_of_one_key_do_not_look_alike() -> None:
    assert seal_message_key(KEY, PUBLIC, MESSAGE, 0) != seal_message_key(KEY, PUBLIC, MESSAGE, 0)


@given(at=st.integers(0, 79), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(at: int, bit: int) -> None:
    changed = bytearray(seal_message_key(KEY, PUBLIC, MESSAGE, 0))
    changed[at] ^= 1 << bit
    # The top bit of an X25519 point is ignored by RFC 7748; HPKE binds the bytes all the same.
    with pytest.raises(WrongKey):
        PRIVATE.open_envelope(bytes(changed), MESSAGE, 0)


@given(data=st.binary(max_size=100))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(WrongKey):
        PRIVATE.open_envelope(data, MESSAGE, 0)


def test_an_envelope_is_of_its_message_part_mailbox_and_version_alone() -> None:
    envelope = seal_message_key(KEY, PUBLIC, MESSAGE, 0)
    other = MAILBOX[:-1] + "0"

    for private, message, part in (
        (PRIVATE, other, 0),
        (PRIVATE, MESSAGE, 1),
        (PrivateKey(MAILBOX, 2, "x25519", RAW), MESSAGE, 0),
        (PrivateKey(other, 1, "x25519", RAW), MESSAGE, 0),
        (PrivateKey(MAILBOX, 1, "x25519", new_pair(MAILBOX, 1)[1]), MESSAGE, 0),
    ):
        with pytest.raises(WrongKey):
            private.open_envelope(envelope, message, part)


def test_an_envelope_with_something_else_in_it_is_refused() -> None:
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    info = f"listen_server/lsv1/key\0{MESSAGE}\0000\0{MAILBOX}\0001\0x25519".encode()
    public = X25519PublicKey.from_public_bytes(PUBLIC.raw)

    with pytest.raises(WrongKey, match="no message key"):
        PRIVATE.open_envelope(suite.encrypt(b"short", public, info=info), MESSAGE, 0)


def test_a_point_that_hides_nothing_is_not_sealed_to() -> None:
    with pytest.raises(ValueError, match="shared key"):
        seal_message_key(KEY, replace(PUBLIC, raw=bytes(32)), MESSAGE, 0)


def test_what_is_no_public_key_is_told_before_a_call_needs_it() -> None:
    with pytest.raises(ValueError, match="32"):
        PublicKey(MAILBOX, 1, "x25519", b"short")
    with pytest.raises(ValueError, match="no KEM 'p256', only x25519"):
        PublicKey(MAILBOX, 1, "p256", bytes(65))
    with pytest.raises(ValueError, match="ULID"):
        PublicKey("+4930123456", 1, "x25519", PUBLIC.raw)
    with pytest.raises(ValueError, match="32"):
        seal_message_key(KEY[:16], PUBLIC, MESSAGE, 0)


def test_every_pair_is_another() -> None:
    assert len({new_pair(MAILBOX, 1)[0].raw for _ in range(50)}) == 50


def test_a_private_key_does_not_show() -> None:
    shown = repr(PRIVATE) + str(PRIVATE)

    assert not any(form in shown for form in shapes(RAW))

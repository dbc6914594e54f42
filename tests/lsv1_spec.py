"""A second implementation of LSV1, for the tests: from the specifications, not from the product.

c2sp.org/chunked-encryption, RFC 5869 (HKDF), RFC 9180 (HPKE) and FORMAT.md, on top of HMAC, X25519
and AES-GCM. It knows neither cryptography.cobblestone nor hpke, and nothing of listen_sinks.
"""

import hashlib
import hmac
import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK, SEALED_CHUNK = 16 * 1024, 16 * 1024 + 16
OURS = b"listen_server/lsv1/"
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
BOUNDS = {
    "channels": (1, 2),
    "key_version": (1, 2**32 - 1),
    "part": (0, 2**32 - 1),
    "sample_rate": (1, 192000),
    "v": (1, 1),
}


@dataclass(frozen=True)
class Finding:
    """What a reader finds in an object."""

    outcome: str  # refused, sealed, cut
    plain: bytes = b""  # zeros for damaged chunks
    damaged: tuple[int, ...] = ()
    loose: int = 0


def expand(prk: bytes, info: bytes, length: int, digest: str = "sha512") -> bytes:
    """HKDF-Expand, RFC 5869, section 2.3."""
    block, output, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), digest)
        output, counter = output + block, counter + 1
    return output[:length]


def chunk_keys(key: bytes, salt: bytes, head: bytes) -> tuple[AESGCM, bytes, bytes]:
    """Key, base nonce and commitment of c2sp.org/chunked-encryption."""
    context = OURS + b"audio\x00" + hashlib.sha256(head).digest()
    info = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\x00" + salt + context
    output = expand(key, info, 32 + 12 + 32)
    return AESGCM(output[:32]), output[32:44], output[44:]


def nonce(base: bytes, number: int) -> bytes:
    counter = number.to_bytes(12, "big")
    return bytes(a ^ b for a, b in zip(base, counter, strict=True))


def write(key: bytes, head: bytes, salt: bytes, plain: bytes) -> bytes:
    """Make an object with any head whatever, right or wrong."""
    cipher, base, commitment = chunk_keys(key, salt, head)
    pieces = [plain[at : at + CHUNK] for at in range(0, len(plain) + 1, CHUNK)]
    sealed = [cipher.encrypt(nonce(base, n), piece, None) for n, piece in enumerate(pieces)]
    return head + salt + commitment + b"".join(sealed)


def read(data: bytes, key: bytes, message: str, part: int, tails: Iterable[bytes] = ()) -> Finding:
    """Read an object as FORMAT.md has it."""
    if data[:4] != b"LSV1":
        return Finding("refused")
    (length,) = struct.unpack(">I", data[4:8].ljust(4, b"\0"))
    head, salt, commitment = data[: 8 + length], data[8 + length :][:24], data[32 + length :][:32]
    if not 1 <= length <= 1024 or len(commitment) < 32 or not right(head[8:], message, part):
        return Finding("refused")
    cipher, base, expected = chunk_keys(key, salt, head)
    if not hmac.compare_digest(expected, commitment):
        return Finding("refused")
    body = data[64 + length :]
    sealed = [body[at : at + SEALED_CHUNK] for at in range(0, len(body), SEALED_CHUNK)]
    if not sealed or len(sealed[-1]) == SEALED_CHUNK:
        sealed.append(b"")  # what would be the final chunk is not there
    opened = [attempt(cipher, nonce(base, n), one) for n, one in enumerate(sealed)]
    outcome, loose = "sealed", 0
    if opened[-1] is None:
        outcome = "cut"
        while opened and opened[-1] is None:
            loose += len(sealed[len(opened) - 1])
            opened.pop()
        opened.append(newest_tail(key, data[: 64 + length], len(opened), tails))
    damaged = tuple(n for n, plain in enumerate(opened) if plain is None)
    plain = b"".join(bytes(CHUNK) if one is None else one for one in opened)
    return Finding(outcome, plain, damaged, loose)


def right(header: bytes, message: str, part: int) -> bool:
    """Whether a header is one, and of that message and part."""
    try:
        pairs = json.loads(header, object_pairs_hook=list)
        values = dict(pairs)
    except (ValueError, TypeError, RecursionError):
        return False
    names = ["audio", "body", "channels", "key_version", "mailbox", "message", "part"]
    numbers = all(
        type(values.get(name)) is int and low <= values[name] <= high
        for name, (low, high) in BOUNDS.items()
    )
    ids = all(
        isinstance(values.get(name), str) and ULID.fullmatch(values[name])
        for name in ("mailbox", "message")
    )
    return (
        [name for name, _ in pairs] == [*names, "sample_rate", "v"]
        and json.dumps(values, separators=(",", ":")).encode() == header
        and numbers
        and ids
        and (values["audio"], values["body"]) == ("s16le", "cobblestone-256")
        and (values["message"], values["part"]) == (message, part)
    )


def newest_tail(key: bytes, prefix: bytes, chunk: int, tails: Iterable[bytes]) -> bytes:
    """The longest beginning of a chunk that a tail record has."""
    cipher = AESGCM(expand(key, OURS + b"tail\x00" + hashlib.sha256(prefix).digest(), 32))
    found = [b""]
    for record in tails:
        if len(record) < 12 + 1 + 16:
            continue
        number, length = struct.unpack(">QI", record[:12])
        plain = attempt(cipher, record[:12], record[12:])
        if plain and number == chunk and length == len(plain) < CHUNK:
            found.append(plain)
    return max(found, key=len)


def attempt(cipher: AESGCM, a_nonce: bytes, sealed: bytes) -> bytes | None:
    try:
        return cipher.decrypt(a_nonce, sealed, None)
    except InvalidTag:
        return None


def open_value(key: bytes, label: str, message: str, part: int, sealed: bytes) -> bytes | None:
    """Open a small sealed value, FORMAT.md, section 6."""
    if sealed[:1] != b"\x01" or len(sealed) < 29:
        return None
    info = OURS + f"{label}\0{message}\0{part}".encode()
    return attempt(AESGCM(expand(key, info, 32)), sealed[1:13], sealed[13:])


def open_envelope(envelope: bytes, private: bytes, info: bytes) -> bytes | None:
    """HPKE, RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    secret_key = X25519PrivateKey.from_private_bytes(private)
    encapsulated, sealed = envelope[:32], envelope[32:]
    if len(encapsulated) < 32:
        return None
    dh = secret_key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem_context = encapsulated + secret_key.public_key().public_bytes_raw()
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    prk = labeled_extract(kem, b"", b"eae_prk", dh)
    shared = labeled_expand(kem, prk, b"shared_secret", kem_context, 32)
    psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = labeled_extract(suite, b"", b"info_hash", info)
    schedule = b"\x00" + psk_id_hash + info_hash
    secret = labeled_extract(suite, shared, b"secret", b"")
    cipher = AESGCM(labeled_expand(suite, secret, b"key", schedule, 32))
    return attempt(cipher, labeled_expand(suite, secret, b"base_nonce", schedule, 12), sealed)


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return expand(prk, labeled, length, "sha256")

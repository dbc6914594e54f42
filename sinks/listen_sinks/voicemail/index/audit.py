"""The audit log as chains: what an entry is, what binds it to the one before, who signs the head.

    hash      = SHA-256("listen_server/audit" 00 canonical JSON of the entry and the hash before)
    signature = Ed25519("listen_server/audit-head" 00 canonical JSON of chain, number, hash)

Pure: audit_log.py keeps the entries. An entry holds ids and verbs, and nothing about a person.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Verb: TypeAlias = Literal[
    "start",  # a process begins a chain
    "listen",
    "export",
    "use-key",
    "delete",
    "undelete",
    "erase",
    "redact",
    "replay",  # an erasure, in a database that was restored
    "hold",
    "release",
    "change",  # of settings, keys, addresses
    "lock",  # of a PIN, by too many wrong ones
    "unlock",
    "command",  # a call that is on
]
Result: TypeAlias = Literal["ok", "refused", "failed"]

FIRST: Final = "0" * 64
"""The hash before the first entry."""

# What an id looks like here: a word, and perhaps what it is the id of. No spaces, no @, no plus.
_ACTOR = re.compile(r"[a-z][a-z-]{0,30}(:[0-9A-Za-z][0-9A-Za-z_.-]{0,31})?")
_SUBJECT = re.compile(
    r"[0-7][0-9A-HJKMNP-TV-Z]{25}(:[0-9]{1,10})?|(?=.*[a-z])[a-z0-9][a-z0-9-]{0,62}"
)
_NUMBER = re.compile(r"[a-z-]+:[0-9_.-]{7,}")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What somebody did. Raises ValueError for what is no id: it may be a number or a name.

    `actor` is a kind and an id (`user:01KB...`, `credential:9f3a...`) or a word (`retention`);
    `subject` is a ULID, of a part with `:3` behind it, or the name of a tenant.
    """

    verb: Verb
    actor: str
    subject: str | None = None
    result: Result = "ok"

    def __post_init__(self) -> None:
        if not _ACTOR.fullmatch(self.actor) or _NUMBER.fullmatch(self.actor):
            raise ValueError("an actor is a kind and an id, such as user:01KB...")
        if self.subject is not None and not _SUBJECT.fullmatch(self.subject):
            raise ValueError("a subject is the id of a message, part or mailbox, or a tenant")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event in its place."""

    chain: str
    number: int
    at: datetime
    event: AuditEvent
    previous: str
    witness: tuple["Head", ...] = ()  # of a first entry: other chains as they were then

    @property
    def hash(self) -> str:
        """64 hex digits that change with anything in it, or before it."""
        return _digest(
            b"listen_server/audit\0",
            {
                "chain": self.chain,
                "number": self.number,
                "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "actor": self.event.actor,
                "verb": self.event.verb,
                "subject": self.event.subject,
                "result": self.event.result,
                "witness": [[head.chain, head.number, head.hash] for head in self.witness],
                "previous": self.previous,
            },
        )


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain, by its number and hash."""

    chain: str
    number: int
    hash: str

    def signed_bytes(self) -> bytes:
        """Return what a signature is over."""
        fields = {"chain": self.chain, "number": self.number, "hash": self.hash}
        return b"listen_server/audit-head\0" + _canonical(fields)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head, and who says so."""

    head: Head
    signature: bytes
    key: str  # hex of the SHA-256 of the public key


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """Where a log is not what was written."""

    chain: str
    number: int | None
    what: str


def key_name(public: Ed25519PublicKey) -> str:
    """Return what a signed head calls a key: 64 hex digits."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()


def sign(head: Head, key: Ed25519PrivateKey) -> SignedHead:
    """Sign a head."""
    return SignedHead(head, key.sign(head.signed_bytes()), key_name(key.public_key()))


def is_signed(signed: SignedHead, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Say whether one of these keys, by their names, signed it."""
    key = keys.get(signed.key)
    if key is None:
        return False
    try:
        key.verify(signed.signature, signed.head.signed_bytes())
    except InvalidSignature:
        return False
    return True


class ChainCheck:
    """Reads the entries of one chain in order, and says what is wrong with them."""

    def __init__(self, chain: str) -> None:
        self.chain = chain
        self.problems: list[AuditProblem] = []
        self._next = 0
        self._previous = FIRST

    def take(self, number: int, entry: AuditEntry | None, stored_hash: str) -> None:
        """Take the next row: its number, what it says (None: nothing sensible), its hash."""
        if number != self._next:
            self._found(self._next, f"entries {self._next} to {number - 1} are gone")
        elif entry and entry.previous != self._previous:
            self._found(number, "does not follow the entry before it")
        if entry is None or entry.hash != stored_hash:
            self._found(number, "was changed")
        self._next = number + 1
        self._previous = stored_hash

    def finish(self, signed: SignedHead | None, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Compare with the head, which one of the keys has to have signed."""
        if signed is None:
            self._found(None, "has no signed head")
            return
        if not is_signed(signed, keys):
            self._found(signed.head.number, "the head is not signed by a key that is trusted")
        if self._next <= signed.head.number:
            self._found(self._next, f"entries {self._next} to {signed.head.number} are gone")
        elif self._next > signed.head.number + 1:
            self._found(signed.head.number + 1, "entries behind the signed head")
        elif self._previous != signed.head.hash:
            self._found(signed.head.number, "is not the entry that was signed")

    def _found(self, number: int | None, what: str) -> None:
        self.problems.append(AuditProblem(self.chain, number, what))


def missing(witnessed: Iterable[Head], found: Mapping[tuple[str, int], str]) -> list[AuditProblem]:
    """Name chains and entries that a later chain has seen and that are not there any more."""
    return [
        AuditProblem(head.chain, head.number, "is gone, and another chain has seen it")
        for head in witnessed
        if found.get((head.chain, head.number)) != head.hash
    ]


def _digest(prefix: bytes, values: Mapping[str, Any]) -> str:
    return hashlib.sha256(prefix + _canonical(values)).hexdigest()


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode("ascii")

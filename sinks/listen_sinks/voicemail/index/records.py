"""What goes into the index and comes out of it. schema.py is how the database keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from listen_codecs.formats import AudioFormat

MessageState: TypeAlias = Literal["new", "heard", "saved", "deleted", "discarded", "greeting"]
"""deleted: may still be taken back. discarded: there never was a message worth keeping, only the
fact that somebody called. greeting: what callers are to hear, not what one has left."""
MessageKind: TypeAlias = Literal["message", "greeting"]
"""What a stream is to become."""
Outcome: TypeAlias = Literal["complete", "interrupted", "failed", "discarded"]
ErasureKind: TypeAlias = Literal["message", "caller", "mailbox", "retention", "redaction"]

TargetState: TypeAlias = Literal["on", "gone", "retired"]
"""gone: it answered 410. retired: the configuration does not have it any more."""
DeliveryState: TypeAlias = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose mailboxes."""

    id: str
    salt: bytes = field(repr=False)  # of its keyed hashes: numbers.py
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox without its keys."""

    id: str  # ULID
    tenant: str
    catch_all: bool
    key_version: int
    settings: Mapping[str, Any]  # its own; policies.py reads them together with the tenant's
    profile: bytes | None = field(repr=False)
    addresses: int  # how many numbers and names it has
    legal_hold: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectRange:
    """Some bytes in the store. The ranges of a part, joined in their order, are its object."""

    name: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class ShippedPart:
    """A part whose object is in the store, as the sink hands it over."""

    message: str  # ULID
    part: int
    mailbox: str  # ULID
    key_version: int
    envelope: bytes = field(repr=False)
    format: AudioFormat
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    reason: str  # a phrase of ours
    frames: int  # of audio; 0 in a part that has only words
    size: int  # of the object, bytes
    digest: bytes  # SHA-256 of the object
    ranges: tuple[ObjectRange, ...]
    tails: bytes = field(default=b"", repr=False)  # tail records of an object that was cut
    caller: str | None = field(default=None, repr=False)  # keyed hash: numbers.py
    values: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Small sealed values by label: `meta`, `transcript`, `words`, `peaks`."""
    transcribed_by: str | None = None
    """The engine whose transcript is among the values."""
    ticket: str | None = None  # ULID: tickets.py
    kind: MessageKind = "message"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is stored."""

    part: int
    outcome: Outcome
    reason: str
    started_at: datetime
    ended_at: datetime
    format: AudioFormat
    frames: int
    size: int  # of the object, bytes
    digest: bytes
    ranges: tuple[ObjectRange, ...]
    tails: bytes = field(repr=False)  # tail records of an object that was cut


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a list shows it."""

    id: str  # ULID
    tenant: str
    mailbox: str
    state: MessageState
    state_changed_at: datetime
    outcome: Outcome  # of its last part
    reason: str
    started_at: datetime
    ended_at: datetime
    recorded_at: datetime
    seconds: float
    size: int  # of its objects, bytes
    caller: str | None = field(repr=False)
    legal_hold: bool
    ticket: str | None = None  # ULID


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, newest first; `before` gets the next page, None if this was the last."""

    messages: tuple[Message, ...]
    before: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a mailbox holds, without what is deleted."""

    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A message key as it is stored, and which key pair opens it."""

    message: str
    part: int
    mailbox: str
    key_version: int
    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to ship one part, until somebody may take it over."""

    message: str
    part: int
    owner: str
    until: datetime
    fence: int


@dataclass(frozen=True, slots=True)
class AuditMark:
    """Where in the audit log something is written down."""

    chain: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did. `objects` are the names to delete from the store now."""

    erasure: str  # ULID
    kind: ErasureKind
    tenant: str
    mailbox: str | None
    at: datetime
    messages: tuple[str, ...]  # gone as a whole
    parts: tuple[tuple[str, int], ...]  # gone, of messages that stay
    held: tuple[str, ...]  # that a legal hold kept
    objects: tuple[str, ...]
    keys_destroyed: int
    audit: AuditMark
    scrubbed_at: datetime | None
    """When the keys were out of the database's files; None while that is still to do. Backups,
    replicas and PostgreSQL's write-ahead log keep them longer: README.md."""
    objects_gone_at: datetime | None

"""The tables of the index. README.md says what may be in them; migrations/ makes them.

Nothing in the clear tells about a person: numbers are keyed hashes, words are sealed. Rows stay
in this package; what goes out are the frozen dataclasses of records.py.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from listen_codecs.formats import Mix
from listen_sinks.voicemail.index.records import (
    DeliveryState,
    ErasureKind,
    MessageState,
    Outcome,
    TargetState,
)
from listen_sinks.voicemail.index.times import UtcDateTime

_ULID = String(26)
_EVENT = String(100)
_HASH = String(64)  # hex of 32 bytes
_WORD = String(16)
_ROW = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by this type alone


class Base(DeclarativeBase):
    """What all tables have in common."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(none_as_null=True),
    }


class TenantRow(Base):
    """Whose mailboxes: the tenant of a credential."""

    __tablename__ = "tenants"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    salt: Mapped[bytes]  # of its keyed hashes; without it they cannot be made again
    settings: Mapped[dict[str, Any]]  # what its mailboxes have where they say nothing
    created_at: Mapped[datetime]


class MailboxRow(Base):
    """A mailbox."""

    __tablename__ = "mailboxes"
    id: Mapped[str] = mapped_column(_ULID, primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    catch_all: Mapped[bool]
    key_version: Mapped[int] = mapped_column(BigInteger)  # that new messages are sealed to
    settings: Mapped[dict[str, Any]]
    profile: Mapped[bytes | None]  # what is personal about it, sealed by who may read it
    legal_hold: Mapped[bool]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_mailboxes_catch_all",
            "tenant",
            unique=True,
            sqlite_where=text("catch_all"),
            postgresql_where=text("catch_all"),
        ),
    )


class AddressRow(Base):
    """A number or name of a mailbox, by its keyed hash."""

    __tablename__ = "mailbox_addresses"
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(_HASH, primary_key=True)
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailboxes.id"), index=True)


class MailboxKeyRow(Base):
    """One version of a mailbox's key pair. Destroyed, its private half is zeros."""

    __tablename__ = "mailbox_keys"
    __table_args__ = (
        Index("uq_mailbox_keys_mailbox_version", "mailbox", "version", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(_ROW, primary_key=True)
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailboxes.id"))
    version: Mapped[int] = mapped_column(BigInteger)
    kem: Mapped[str] = mapped_column(String(32))
    public: Mapped[bytes]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
    destroyed: Mapped[bool]


class MailboxPinRow(Base):
    """What opens a mailbox to a telephone, hashed, and how often somebody was wrong."""

    __tablename__ = "mailbox_pins"
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailboxes.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool]
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class MessageRow(Base):
    """A message, with the sums over its parts."""

    __tablename__ = "messages"
    id: Mapped[str] = mapped_column(_ULID, primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailboxes.id"))
    state: Mapped[MessageState] = mapped_column(_WORD)
    state_before: Mapped[MessageState | None] = mapped_column(_WORD)  # it was deleted
    state_changed_at: Mapped[datetime]
    outcome: Mapped[Outcome] = mapped_column(_WORD)
    reason: Mapped[str] = mapped_column(String(200))  # a phrase of ours
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    seconds: Mapped[float]
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    caller: Mapped[str | None] = mapped_column(_HASH)
    legal_hold: Mapped[bool]
    ticket: Mapped[str | None] = mapped_column(_ULID)  # of whoever sent the caller here

    __table_args__ = (
        Index("uq_messages_ticket", "ticket", unique=True),
        Index("ix_messages_mailbox_id", "mailbox", "id"),
        Index("ix_messages_tenant_caller", "tenant", "caller"),
        Index("ix_messages_mailbox_state", "mailbox", "state", "state_changed_at"),
    )


class PartRow(Base):
    """One part of a message: an object in the store, or only words."""

    __tablename__ = "message_parts"
    message: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(
        BigInteger
    )  # in the message; that of the part which this one replaces
    outcome: Mapped[Outcome] = mapped_column(_WORD)
    reason: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    sample_rate: Mapped[int]
    mix: Mapped[Mix] = mapped_column(_WORD)
    frames: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    digest: Mapped[bytes]
    ranges: Mapped[list[Any]]  # [name, offset, length] each
    tails: Mapped[bytes | None]


class LeaseRow(Base):
    """Who ships a part, or has a task, until when, and which lease of it is the newest."""

    __tablename__ = "part_leases"
    message: Mapped[str] = mapped_column(_ULID, primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
    fence: Mapped[int]


class MessageKeyRow(Base):
    """The envelope of a message key. Rows are added at the end and never deleted one by one.

    A destroyed envelope is overwritten by zeros of the same length, in its place: SQLite moves
    rows about when one between them goes, and leaves copies that `secure_delete` does not see.
    """

    __tablename__ = "message_keys"
    __table_args__ = (
        Index("uq_message_keys_message_part", "message", "part", unique=True),
        Index("ix_message_keys_mailbox_key_version", "mailbox", "key_version"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(_ROW, primary_key=True)
    message: Mapped[str] = mapped_column(_ULID)
    part: Mapped[int] = mapped_column(BigInteger)
    mailbox: Mapped[str] = mapped_column(_ULID)
    key_version: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes]
    destroyed: Mapped[bool]


class SealedValueRow(Base):
    """Metadata, transcript or peaks of a part, sealed with its key."""

    __tablename__ = "sealed_values"
    message: Mapped[str] = mapped_column(_ULID, primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(_WORD, primary_key=True)
    value: Mapped[bytes]


class ErasureRow(Base):
    """One erasure, and what of it is still to do."""

    __tablename__ = "erasures"
    id: Mapped[str] = mapped_column(_ULID, primary_key=True)
    kind: Mapped[ErasureKind] = mapped_column(_WORD)
    tenant: Mapped[str] = mapped_column(String(64))
    mailbox: Mapped[str | None] = mapped_column(_ULID)
    at: Mapped[datetime]
    held: Mapped[list[Any]]  # messages that a legal hold kept
    objects: Mapped[list[Any]]  # names that are still to be deleted from the store
    keys_destroyed: Mapped[int]
    audit_chain: Mapped[str] = mapped_column(_ULID)
    audit_number: Mapped[int]
    audit_hash: Mapped[str] = mapped_column(_HASH)
    scrubbed_at: Mapped[datetime | None]  # the keys are out of the files too
    objects_gone_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_erasures_tenant_at", "tenant", "at"),)


class ErasedMessageRow(Base):
    """The id of a message that is gone, so that nothing brings it back."""

    __tablename__ = "erased_messages"
    message: Mapped[str] = mapped_column(_ULID, primary_key=True)
    erasure: Mapped[str] = mapped_column(ForeignKey("erasures.id"), index=True)


class ErasedPartRow(Base):
    """A part that is gone, of a message that stays."""

    __tablename__ = "erased_parts"
    message: Mapped[str] = mapped_column(_ULID, primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    erasure: Mapped[str] = mapped_column(ForeignKey("erasures.id"), index=True)


class AuditChainRow(Base):
    """The head of one process's audit chain, signed."""

    __tablename__ = "audit_chains"
    chain: Mapped[str] = mapped_column(_ULID, primary_key=True)
    number: Mapped[int]  # of the last entry
    hash: Mapped[str] = mapped_column(_HASH)
    signature: Mapped[bytes]
    key: Mapped[str] = mapped_column(
        _HASH
    )  # which one signed: hex of the SHA-256 of its public half


class AuditRow(Base):
    """One entry of the audit log."""

    __tablename__ = "audit_log"
    chain: Mapped[str] = mapped_column(_ULID, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(64))
    result: Mapped[str] = mapped_column(String(32))
    witness: Mapped[list[Any] | None]  # of a first entry: the heads of other chains, as it saw them
    previous: Mapped[str] = mapped_column(_HASH)
    hash: Mapped[str] = mapped_column(_HASH)

    __table_args__ = (Index("ix_audit_log_at_chain_number", "at", "chain", "number"),)


class AuditKeyRow(Base):
    """The public key of a machine that writes the audit log."""

    __tablename__ = "audit_keys"
    name: Mapped[str] = mapped_column(_HASH, primary_key=True)  # as signed heads have it
    public: Mapped[bytes]
    voucher: Mapped[bytes]  # of whoever put it there: audit_keys.py


class EventTargetRow(Base):
    """Who wants to be told of what. Its address and its secret are in the configuration alone."""

    __tablename__ = "event_targets"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[TargetState] = mapped_column(_WORD)
    events: Mapped[list[Any]]  # types
    tenants: Mapped[list[Any] | None]  # None: all, and what is no tenant's
    fingerprint: Mapped[str] = mapped_column(_HASH)  # of its address: another is another service
    changed_at: Mapped[datetime]


class EventRow(Base):
    """Something that has happened, as others are told of it: nothing personal."""

    __tablename__ = "events"
    id: Mapped[str] = mapped_column(_EVENT, primary_key=True)
    type: Mapped[str] = mapped_column(String(32))
    about: Mapped[str] = mapped_column(String(64))
    tenant: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class DeliveryRow(Base):
    """An event on its way to one target. Whoever works on it moves `due_at`, and the fence."""

    __tablename__ = "event_deliveries"
    __table_args__ = (
        Index("uq_event_deliveries_event_target", "event", "target", unique=True),
        Index("ix_event_deliveries_target_state_due_at", "target", "state", "due_at"),
        Index("ix_event_deliveries_target_about_state", "target", "about", "state", "id"),
        Index("ix_event_deliveries_state_done_at", "state", "done_at"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(_ROW, primary_key=True)  # their order
    event: Mapped[str] = mapped_column(ForeignKey("events.id"))
    target: Mapped[str] = mapped_column(String(64))
    about: Mapped[str] = mapped_column(String(64))
    state: Mapped[DeliveryState] = mapped_column(_WORD)
    since: Mapped[datetime]  # when it began to wait; again, when it is replayed
    due_at: Mapped[datetime]
    tries: Mapped[int]
    fence: Mapped[int]
    result: Mapped[str | None] = mapped_column(String(64))  # of the last try, in a few words
    done_at: Mapped[datetime | None]  # delivered, or dead

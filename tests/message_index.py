"""An index with something in it, for the tests of the voicemail store."""

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ulid import ULID

from listen_codecs.formats import AudioFormat
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import PATIENCE, Database
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.records import Mailbox, ObjectRange, ShippedPart
from listen_sinks.voicemail.index.shipping import record_shipped
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys.mailbox import new_pair
from listen_sinks.voicemail.keys.rotation import MailboxKey

SECRET = bytes(range(32))
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MONO = AudioFormat(8000, "mono")


def make_key(mailbox: str | None = None, version: int = 1, wrapped: bytes = b"") -> MailboxKey:
    """Make a mailbox key, with noise where the wrapped private half would be."""
    public, _ = new_pair(mailbox or str(ULID()), version)
    return MailboxKey(public, wrapped or os.urandom(72))


async def without_patience_for_locks(url: str) -> Database:
    """Open an index that waits for locks a moment only, and for a slow disk as ever."""
    database = Database(url, patience=0.2)
    await database.open()
    database.patience = PATIENCE
    return database


async def make_mailbox(database: Database, tenant: str = "acme", **options: Any) -> Mailbox:
    """Make a mailbox, and its tenant if there is none."""
    await ensure_tenant(database, tenant)
    return await add_mailbox(database, tenant, make_key(), **options)


def make_part(
    mailbox: str, message: str | None = None, part: int = 0, **changes: Any
) -> ShippedPart:
    """Make a part of ten seconds, as if it had been shipped."""
    message = message or str(ULID())
    name = f"v1/{mailbox}/{message}.{part}.lsv1"
    made = ShippedPart(
        message=message,
        part=part,
        mailbox=mailbox,
        key_version=1,
        envelope=os.urandom(80),
        format=MONO,
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=10),
        outcome="complete",
        reason="the caller hung up",
        frames=80_000,
        size=160_500,
        digest=hashlib.sha256(name.encode()).digest(),
        ranges=(ObjectRange(name, 0, 160_500),),
        values={"meta": os.urandom(200), "peaks": os.urandom(900)},
    )
    return replace(made, **changes)


async def ship(database: Database, mailbox: str, **changes: Any) -> ShippedPart:
    """Put a message of one part into a mailbox."""
    part = make_part(mailbox, **changes)
    assert await record_shipped(database, part) == "new"
    return part


def make_erasures(database: Database, folder: Path) -> Erasures:
    """Make what erasing needs beside a database."""
    return Erasures(database, make_audit(), Ledger(folder / "erasures.jsonl"))


def make_audit() -> AuditLog:
    """Make the audit log of a process that has just started."""
    return AuditLog(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

"""Public keys of all who write the audit log, each vouched for by the installation.

    voucher = HMAC-SHA256(derived(number_secret, "audit-keys"), public key)

Processes that share a database share the secret, and the database does not have it. README.md says
what this proves, and what it does not.
"""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.audit import key_name
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import AuditKeyRow
from listen_sinks.voicemail.index.statements import insert_once

PURPOSE: Final = "audit-keys"
"""What the vouching secret is derived for (own_secrets.derived)."""


async def publish_key(session: AsyncSession, key: Ed25519PublicKey, vouching: bytes) -> None:
    """Let others check what this key signs. A row in its place that nobody vouches for goes."""
    public = key.public_bytes_raw()
    voucher = _voucher(public, vouching)
    values = {"name": key_name(key), "public": public, "voucher": voucher}
    if await insert_once(session, AuditKeyRow, values):
        return
    row = await session.get_one(AuditKeyRow, values["name"], with_for_update=True)
    if (row.public, row.voucher) != (public, voucher):
        row.public, row.voucher = public, voucher


async def vouched_keys(database: Database, vouching: bytes) -> dict[str, Ed25519PublicKey]:
    """Return by their names the keys that somebody with the secret has put there. IndexAway."""
    async with database.reading() as session:
        rows = (await session.scalars(select(AuditKeyRow))).all()
    found = (row.public for row in rows if _is_vouched(row, vouching))
    keys = map(Ed25519PublicKey.from_public_bytes, found)
    return {key_name(key): key for key in keys}


def _is_vouched(row: AuditKeyRow, vouching: bytes) -> bool:
    return hmac.compare_digest(row.voucher, _voucher(row.public, vouching))


def _voucher(public: bytes, vouching: bytes) -> bytes:
    return hmac.digest(vouching, public, hashlib.sha256)

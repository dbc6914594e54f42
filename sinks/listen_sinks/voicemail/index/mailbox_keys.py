"""The key pairs of mailboxes, as rows: the public half plain, the private one wrapped by the root.

keys/rotation.py makes what comes in here and takes what goes out.
"""

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged, UnknownMailbox
from listen_sinks.voicemail.index.schema import MailboxKeyRow, MailboxRow
from listen_sinks.voicemail.index.scrub import rows_move
from listen_sinks.voicemail.keys.mailbox import PublicKey
from listen_sinks.voicemail.keys.rotation import MailboxKey


async def add_key(database: Database, key: MailboxKey) -> None:
    """Add the next version; messages to come are sealed to it. Again, it changes nothing.

    Raises KeyChanged if somebody else has added this version, UnknownMailbox, IndexAway.
    """
    async with database.writing() as session:
        mailbox = await session.get(MailboxRow, key.public.mailbox, with_for_update=True)
        if mailbox is None or mailbox.erased_at is not None:
            raise UnknownMailbox(f"there is no mailbox {key.public.mailbox}")
        found = await _row(session, key.public)
        if found is not None and found.public == key.public.raw:
            return
        if key.public.version != mailbox.key_version + 1:
            raise KeyChanged(f"mailbox {mailbox.id} is at version {mailbox.key_version} already")
        session.add(key_row(key))
        mailbox.key_version = key.public.version


async def get_key(database: Database, mailbox: str, version: int) -> MailboxKey | None:
    """Return one version, None if it never was or is destroyed. Raises IndexAway."""
    async with database.reading() as session:
        row = await session.scalar(
            select(MailboxKeyRow).where(
                MailboxKeyRow.mailbox == mailbox,
                MailboxKeyRow.version == version,
                ~MailboxKeyRow.destroyed,
            )
        )
        return None if row is None else _key(row)


async def list_keys(database: Database, mailbox: str | None = None) -> tuple[MailboxKey, ...]:
    """Return every version there is, of one mailbox or of all. Raises IndexAway."""
    async with database.reading() as session:
        query = select(MailboxKeyRow).where(~MailboxKeyRow.destroyed)
        if mailbox is not None:
            query = query.where(MailboxKeyRow.mailbox == mailbox)
        rows = await session.scalars(query.order_by(MailboxKeyRow.mailbox, MailboxKeyRow.version))
        return tuple(_key(row) for row in rows)


async def replace_wrapped(database: Database, old: MailboxKey, new: MailboxKey) -> None:
    """Put what another root has wrapped in the place of the old. Again, it changes nothing.

    The old value stays in the files until the next `Database.scrub`. Raises KeyChanged if the row
    is neither (it was destroyed meanwhile, say), IndexAway.
    """
    async with database.writing() as session:
        row = await _row(session, old.public)
        if row is None or row.destroyed or row.public != new.public.raw:
            raise KeyChanged(
                f"the key of mailbox {old.public.mailbox} is not the one that was read"
            )
        if row.wrapped not in (old.wrapped, new.wrapped):
            raise KeyChanged(
                f"mailbox {old.public.mailbox}: somebody else has wrapped its key anew"
            )
        if len(row.wrapped) != len(new.wrapped):
            await rows_move(session)
        row.wrapped = new.wrapped


async def destroy_keys(session: AsyncSession, mailbox: str) -> int:
    """Overwrite every private key of a mailbox; return how many."""
    rows = await session.scalars(
        select(MailboxKeyRow).where(MailboxKeyRow.mailbox == mailbox, ~MailboxKeyRow.destroyed)
    )
    destroyed = 0
    for row in rows:
        await session.execute(
            update(MailboxKeyRow)
            .where(MailboxKeyRow.id == row.id)
            .values(wrapped=bytes(len(row.wrapped)), destroyed=True)
            .execution_options(synchronize_session=False)
        )
        destroyed += 1
    return destroyed


def key_row(key: MailboxKey) -> MailboxKeyRow:
    """Make a row of a key."""
    return MailboxKeyRow(
        mailbox=key.public.mailbox,
        version=key.public.version,
        kem=key.public.kem,
        public=key.public.raw,
        wrapped=key.wrapped,
        created_at=datetime.now(UTC),
        destroyed=False,
    )


async def _row(session: AsyncSession, key: PublicKey) -> MailboxKeyRow | None:
    row: MailboxKeyRow | None = await session.scalar(
        select(MailboxKeyRow)
        .where(MailboxKeyRow.mailbox == key.mailbox, MailboxKeyRow.version == key.version)
        .with_for_update()
    )
    return row


def _key(row: MailboxKeyRow) -> MailboxKey:
    return MailboxKey(PublicKey(row.mailbox, row.version, row.kem, row.public), row.wrapped)

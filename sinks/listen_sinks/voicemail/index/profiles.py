"""What is personal about a mailbox, as its row has it: sealed. ../profile.py opens and seals it."""

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged
from listen_sinks.voicemail.index.mailboxes import mailbox_row
from listen_sinks.voicemail.index.scrub import rows_move


async def get_profile(database: Database, tenant: str, mailbox: str) -> tuple[bytes | None, int]:
    """Return it, and the newest version of the mailbox's key. Raises UnknownMailbox, IndexAway."""
    async with database.reading() as session:
        row = await mailbox_row(session, tenant, mailbox)
        return row.profile, row.key_version


async def put_profile(
    database: Database,
    tenant: str,
    mailbox: str,
    sealed: bytes | None,
    *,
    instead_of: bytes | None,
    key_version: int,
) -> None:
    """Put it in the place of the one that was read; None: there is none any more.

    Raises KeyChanged if another is there by now, or a newer key than it is sealed to: read again.
    Raises UnknownMailbox, IndexAway.
    """
    async with database.writing() as session:
        row = await mailbox_row(session, tenant, mailbox, lock=True)
        if row.profile != instead_of or row.key_version != key_version:
            raise KeyChanged(f"the profile of mailbox {mailbox}, or its key, was changed meanwhile")
        if sealed != instead_of:
            await rows_move(session)
        row.profile = sealed

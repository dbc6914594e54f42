"""Finding a message by its ticket: whoever sent a caller to record asks here what came of it.

A ticket is a ULID that the sender made. It is on one message at most: shipping.py sees to that.
"""

import asyncio
from contextlib import suppress
from typing import Final

from sqlalchemy import select

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.messages import message_of
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.schema import MessageRow

_SHORTEST: Final = 0.05  # seconds between two looks
_LONGEST: Final = 0.4


async def find_ticket(database: Database, tenant: str, ticket: str) -> Message | None:
    """Return the message that has a ticket, whatever its state: discarded, deleted, a greeting.

    None if it has not come yet, is erased, or is another tenant's. Raises IndexAway.
    """
    query = select(MessageRow).where(MessageRow.ticket == ticket, MessageRow.tenant == tenant)
    async with database.reading() as session:
        row = await session.scalar(query)
        return None if row is None else message_of(row)


async def wait_for_ticket(
    database: Database, tenant: str, ticket: str, seconds: float
) -> Message | None:
    """Return it as soon as it is there, whichever process brings it; None after so many seconds.

    A database that is away may be back in time. Raises IndexAway if it was away all the while.
    """
    answered = False
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            pause = _SHORTEST
            while True:
                with suppress(IndexAway):
                    found = await find_ticket(database, tenant, ticket)
                    answered = True
                    if found is not None:
                        return found
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LONGEST)
    if not answered:
        raise IndexAway("the index did not answer in time")
    return None

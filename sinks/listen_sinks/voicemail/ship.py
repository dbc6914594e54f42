"""The way of a message out of the spool: into the store, into the index, and only then gone.

Every step can be taken again: ../shipping.py does, until all of it is done.
"""

import asyncio
from typing import Final

import structlog

from listen_sinks.objects import ObjectStore
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import ObjectRange, ShippedPart
from listen_sinks.voicemail.index.shipping import Recorded, record_discarded, record_shipped
from listen_sinks.voicemail.labels import part_name
from listen_sinks.voicemail.spool import Stored

log = structlog.get_logger(__name__)

PATIENCE: Final = 60.0  # seconds for the index


class Shipper:
    """Takes messages to the store and to the index."""

    def __init__(self, objects: ObjectStore, database: Database) -> None:
        self._objects = objects
        self._database = database
        self.discarded = 0

    async def ship(self, stored: Stored) -> None:
        """Ship one message. Raises whatever keeps it from being shipped; then it is still there."""
        if stored.end.state == "discarded":
            await self._discard(stored)
        else:
            await self._store(stored)
        await asyncio.to_thread(stored.drop)

    async def _store(self, stored: Stored) -> None:
        name = object_name(stored)
        object_ = await asyncio.to_thread(stored.object_)
        digest = await asyncio.to_thread(object_.sha256)
        tails = await asyncio.to_thread(stored.tails)
        await self._objects.put(name, object_)
        recorded = await self._record(stored, ObjectRange(name, 0, object_.size), digest, tails)
        if recorded == "erased":
            log.info("message was erased before it arrived", message=stored.note.message)
            await self._objects.delete(name)

    async def _record(
        self, stored: Stored, range_: ObjectRange, digest: bytes, tails: bytes
    ) -> Recorded:
        note, end = stored.note, stored.end
        assert end.state != "discarded"  # noqa: S101 - those have no part
        part = ShippedPart(
            message=note.message,
            part=note.part,
            mailbox=note.mailbox,
            key_version=note.key_version,
            envelope=note.envelope,
            format=note.format,
            started_at=note.started_at,
            ended_at=end.ended_at,
            outcome=end.state,
            reason=end.reason,
            frames=end.frames,
            size=range_.length,
            digest=digest,
            ranges=(range_,),
            tails=tails,
            caller=end.caller or note.caller,
            values=stored.values,
            transcribed_by=stored.transcribed_by,
            ticket=note.ticket,
            kind=note.kind,
        )
        async with asyncio.timeout(PATIENCE):
            return await record_shipped(self._database, part)

    async def _discard(self, stored: Stored) -> None:
        note, end = stored.note, stored.end
        async with asyncio.timeout(PATIENCE):
            await record_discarded(
                self._database,
                note.message,
                note.mailbox,
                end.reason,
                started_at=note.started_at,
                ended_at=end.ended_at,
                ticket=note.ticket,
            )
        self.discarded += 1


def object_name(stored: Stored) -> str:
    """Name the object of a message: by ids that this server made."""
    note = stored.note
    return part_name(note.mailbox, note.message, note.part)

"""Words that come when their message is closed: waited for, sealed at once, added to the index.

spoken.py seals them. They are in memory until then: what a crash costs, transcribing.py makes up.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from listen_sinks.shipping import Shipping
from listen_sinks.voicemail.beginning import FIRST_PART
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.records import ShippedPart
from listen_sinks.voicemail.index.transcripts import record_words
from listen_sinks.voicemail.keys import PublicKey
from listen_sinks.voicemail.ship import PATIENCE
from listen_sinks.voicemail.spoken import Spoken, late_words
from listen_sinks.voicemail.spool import Stored

_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class _Awaited:
    stored: Stored
    to: PublicKey
    spoken: Spoken


class LateWords:
    """Brings late words to the messages that they belong to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shipping: Shipping[ShippedPart] = Shipping(self._ship, "words", at_once=_AT_ONCE)
        self._waiting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to bring them."""
        self._shipping.start()

    @property
    def pending(self) -> int:
        """Messages whose words are not all there yet."""
        return len(self._waiting) + self._shipping.waiting

    def follow(self, stored: Stored, to: PublicKey, spoken: Spoken) -> None:
        """Wait for the rest of a message's words. `to` is who may open them."""
        task = asyncio.create_task(self._follow(_Awaited(stored, to, spoken)), name="late words")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def close(self, patience: float) -> None:
        """Bring what is there; whose engine still works is left."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._shipping.close(patience)

    async def _follow(self, one: _Awaited) -> None:
        await one.spoken.wait()
        if one.spoken.new or one.spoken.engine is not None:
            part = await asyncio.to_thread(late_words, one.stored, one.to, one.spoken)
            self._shipping.add([part])

    async def _ship(self, part: ShippedPart) -> None:
        async with asyncio.timeout(PATIENCE):
            await record_words(self._database, part, of=FIRST_PART, engine=part.transcribed_by)

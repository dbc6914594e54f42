"""The objects of what is erased leave the store. index/erasures.py says which, and takes it down.

Nothing in them opens any more: this is tidiness, and room.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from listen_sinks.objects import ObjectStore
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.records import Receipt

AT_ONCE: Final = 8


async def remove_objects(
    erasures: Erasures,
    objects: ObjectStore,
    receipt: Receipt,
    gone: Callable[[], None] = lambda: None,
) -> None:
    """Delete what is left of an erasure; `gone` is called for each. Again, it does no harm.

    Raises ObjectsAway, IndexAway.
    """
    turn = asyncio.Semaphore(AT_ONCE)

    async def remove(name: str) -> None:
        async with turn:
            await objects.delete(name)
        gone()

    removed = await asyncio.gather(*map(remove, receipt.objects), return_exceptions=True)
    for failure in removed:
        if failure is not None:
            raise failure
    await erasures.objects_gone(receipt.erasure)

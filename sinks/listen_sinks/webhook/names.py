"""The addresses of a name that is asked for all the time: looked up once for all who wait.

For services to which much is posted and whose address the operator answers for, wherever it leads;
others are looked up, and checked, for each try (addresses.py).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from listen_sinks.webhook.addresses import resolve

LASTS: Final = 10.0
"""Seconds for which addresses are used again."""
_ANYWHERE: Final = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


class Names:
    """A lookup of one name. A resolver that is away keeps one thread, however many ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looking: asyncio.Task[list[str]] | None = None
        self._found: Sequence[str] = ()
        self._until = 0.0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host. Raises Unresolved.

        Who waits no longer costs the others nothing.
        """
        if self._found and self._clock() < self._until:
            return self._found
        if self._looking is None:
            self._looking = asyncio.create_task(resolve(host, port, _ANYWHERE))
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    def forget(self) -> None:
        """Look up anew: nobody was there."""
        self._found = ()

    def close(self) -> None:
        """Wait for no answer."""
        if self._looking is not None:
            self._looking.cancel()

    def _looked(self, task: asyncio.Task[list[str]]) -> None:
        self._looking = None
        if not task.cancelled() and task.exception() is None:
            self._found, self._until = task.result(), self._clock() + LASTS

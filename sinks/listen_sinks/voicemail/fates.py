"""What becomes of streams that came with a ticket, as this process knows it before the index does.

    sink.py --tell--> Fates --kept--> whoever has to say something to the caller now

Only of its own streams, and only the newest: what is not known here may be known elsewhere.
"""

from collections import OrderedDict
from typing import Final

MOST: Final = 10_000
"""Tickets that are remembered."""


class Fates:
    """Whether what comes in under a ticket is kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, bool] = OrderedDict()

    def tell(self, ticket: str | None, *, kept: bool | None) -> None:
        """Take note of it; None: it is not to be kept, or nothing is known of it any more."""
        if ticket is None:
            return
        self._known.pop(ticket, None)
        if kept is not None:
            self._known[ticket] = kept
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def kept(self, ticket: str | None) -> bool | None:
        """Return whether it is on the disk and stays there; None: nothing is known here."""
        return self._known.get(ticket or "")

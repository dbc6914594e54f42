"""Where the transcript sink finds audio again that another sink keeps of the same stream.

A sink that has a stream's samples at hand lends them here while it is open; source.py asks for
them when its own ring does not reach back far enough. Neither knows the other.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from listen_sinks.transcript.ring import Piece


class KeptAudio(Protocol):
    """The samples of one stream, as far as they are kept. Asked on the event loop."""

    async def read(self, start: int, stop: int) -> Sequence[Piece]:
        """Return what is kept of the stream's frames from `start` to `stop`, in order.

        Fewer, later or no frames where some are not kept. May raise anything.
        """


class Shelf:
    """What is kept of the streams of this process. Only for its event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptAudio] = {}

    def lend(self, stream_id: str, kept: KeptAudio) -> Callable[[], None]:
        """Let a stream's audio be read; returns what ends that. Of two, the first is found."""
        self._kept.setdefault(stream_id, kept)

        def end() -> None:
            if self._kept.get(stream_id) is kept:
                del self._kept[stream_id]

        return end

    def find(self, stream_id: str) -> KeptAudio | None:
        """Return who has a stream's audio; None if nobody has it (any more)."""
        return self._kept.get(stream_id)


SHELF: Final = Shelf()
"""The one of this process."""

"""Where whoever is in this process reads what is being understood of a stream, by its id.

The transcript sink posts; the voicemail sink takes what there is to seal it, a live page follows.
Neither knows the other. Nothing stays: a posting goes when its last word is said.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from listen_sinks.transcript.api import Result, TranscriberPlugin
from listen_sinks.transcript.collected import Transcript

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1000
"""Results that wait for a follower who is slow; then the oldest go."""


class Posting:
    """One stream's transcript, while it grows."""

    def __init__(self, board: "Board", stream_id: str, transcript: Transcript) -> None:
        self.stream_id = stream_id
        self.transcript = transcript
        self.revision = 0
        """How many final results there were."""
        self._board = board
        self._ended = asyncio.Event()
        self._followers: list[tuple[deque[Result], asyncio.Event]] = []

    @property
    def ended(self) -> bool:
        """Whether the last word is said."""
        return self._ended.is_set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the last word, for so long; return whether it is said."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return self.ended

    def post(self, result: Result) -> None:
        """Show a result to whoever follows; a final one stays in the transcript."""
        if result.is_final:
            self.transcript.add(result)
            self.revision += 1
        for waiting, wake in self._followers:
            waiting.append(result)
            wake.set()
        self._board.told(self.stream_id, result)

    def end(self) -> None:
        """Say that this was the last word. Again, it does nothing."""
        self._ended.set()
        self._board.remove(self)
        for _, wake in self._followers:
            wake.set()

    async def follow(self) -> AsyncIterator[Result]:
        """Give the final results so far, then every result as it comes; end with the last word."""
        waiting: deque[Result] = deque(self.transcript.results, MOST_WAITING)
        wake = asyncio.Event()
        follower = (waiting, wake)
        self._followers.append(follower)
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                if self.ended:
                    return
                wake.clear()
                await wake.wait()
        finally:
            self._followers.remove(follower)


@dataclass(frozen=True, slots=True)
class Offer:
    """An engine of this process, for who has audio that nobody has understood yet."""

    transcriber: TranscriberPlugin
    engine: str
    language: str


class Board:
    """The postings of this process. Only for its event loop."""

    def __init__(self) -> None:
        self.offers: list[Offer] = []
        """Engines that are open."""
        self._postings: dict[str, Posting] = {}
        self._subscribers: list[Callable[[str, Result], None]] = []

    def post(self, stream_id: str, transcript: Transcript) -> Posting:
        """Begin a posting. Of two sinks that transcribe one stream, the first is found."""
        posting = Posting(self, stream_id, transcript)
        self._postings.setdefault(stream_id, posting)
        return posting

    def find(self, stream_id: str) -> Posting | None:
        """Return what is being understood of a stream; None if nobody transcribes it (any more)."""
        return self._postings.get(stream_id)

    def remove(self, posting: Posting) -> None:
        """Take a posting down that has ended."""
        if self._postings.get(posting.stream_id) is posting:
            del self._postings[posting.stream_id]

    def subscribe(self, subscriber: Callable[[str, Result], None]) -> Callable[[], None]:
        """Call it with a stream's id and a result, for all of them; it returns at once.

        Returns what ends the subscription.
        """
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def told(self, stream_id: str, result: Result) -> None:
        """Tell the subscribers. One that raises is left out of it."""
        for subscriber in list(self._subscribers):
            try:
                subscriber(stream_id, result)
            except Exception as error:  # noqa: BLE001 - theirs, whatever it is
                self._subscribers.remove(subscriber)
                log.warning("a subscriber to transcripts is dropped", error=type(error).__name__)


BOARD: Final = Board()
"""The one of this process: sinks of different kinds meet nowhere else."""

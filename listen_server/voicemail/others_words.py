"""What jambonz understands of a message itself, on its way into the message that it is about.

    transcriptionHook -> Heard.hear -> ... -> the message is there -> a sealed part (listen_sinks)

In the memory of this process until then: what a crash costs. Our own engine does not come by here.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Final

import structlog

from listen_server.voicemail.desk import Desk
from listen_server.voicemail.found import Found
from listen_sinks.api import SinkError
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.collected import Transcript
from listen_sinks.voicemail.index.errors import IndexAway, IndexRefusal
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.tickets import wait_for_ticket
from listen_sinks.voicemail.others_words import keep_words

log = structlog.get_logger(__name__)
ENGINE: Final = "jambonz"
"""How its words are marked."""
_LONGEST: Final = 4 * 3600.0  # seconds that a recording may take
_PATIENCE: Final = 60.0  # seconds until its message is there
MOST: Final = 10_000
"""Recordings at once whose words are kept; of further ones there is the audio."""


@dataclass(slots=True)
class _Recording:
    found: Found
    language: str
    said: list[tuple[datetime, str]] = field(default_factory=list, repr=False)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Heard:
    """The words of recordings that are on, by ticket."""

    last_words: ClassVar[float] = 3.0
    """Seconds after the end of a recording in which more may come."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._closing = asyncio.Event()
        self._recordings: dict[str, _Recording] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, found: Found, ticket: str, text: str, language: str) -> None:
        """Take words that are final."""
        recording = self._recordings.get(ticket)
        if recording is None:
            if len(self._recordings) >= MOST:
                return
            recording = self._recordings[ticket] = _Recording(found, language)
            task = asyncio.create_task(self._bring(ticket, recording), name="jambonz's words")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        recording.said.append((datetime.now(UTC), text))

    def ended(self, ticket: str | None) -> None:
        """Take note that a recording is over."""
        if recording := self._recordings.get(ticket or ""):
            recording.over.set()

    async def settle(self, patience: float = 3.0) -> None:
        """Wait so many seconds until all that was heard is kept."""
        self._closing.set()
        for recording in self._recordings.values():
            recording.over.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _bring(self, ticket: str, recording: _Recording) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                await recording.over.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.last_words):
                await self._closing.wait()
        self._recordings.pop(ticket, None)
        database = self._desk.plugin.database
        found = recording.found
        try:
            message = await wait_for_ticket(database, found.tenant, ticket, _PATIENCE)
            if message is not None and message.state != "discarded":
                words = _transcript(message, recording)
                await keep_words(database, message, found.destination.key, words)
        except (IndexAway, IndexRefusal, SinkError) as error:
            log.warning("what jambonz understood is not kept", error=type(error).__name__)


def _transcript(message: Message, recording: _Recording) -> Transcript:
    """Return the words with the times at which they came, as far as there was audio."""
    made = Transcript(engine=ENGINE, language=recording.language, whole=True)
    before = 0.0
    for at, text in recording.said:
        since = (at - message.started_at).total_seconds()
        end = max(before, min(since, message.seconds))
        made.add(Result(text=text, channel=0, start=before, end=end, is_final=True))
        before = end
    return made

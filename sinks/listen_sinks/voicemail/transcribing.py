"""Messages that are stored, understood now: by a command, or because their engine was away.

    untranscribed -> opened -> engine -> sealed with the part's key -> index

Whoever does it must be able to open messages. late_words.py is for those that still come.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from ulid import ULID

from listen_codecs.formats import AudioFormat, Mix
from listen_sinks.api import Waiting
from listen_sinks.objects import ObjectsAway
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.board import BOARD, Offer
from listen_sinks.transcript.collected import Transcript, decode, encode
from listen_sinks.transcript.reading import read_aloud
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway, IndexRefusal
from listen_sinks.voicemail.index.leases import claim_task, drop_task
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.transcripts import (
    SOME,
    WHOLE,
    Untranscribed,
    count_untranscribed,
    put_transcript,
    untranscribed,
)
from listen_sinks.voicemail.keys import KeysAway
from listen_sinks.voicemail.sealed import Refused
from listen_sinks.voicemail.store import MessageStore
from listen_sinks.voicemail.unlocking import NoKey

log = structlog.get_logger(__name__)

TASK: Final = "transcribing"
ACTOR: Final = "transcriber"
"""Who opens messages for that, as the audit log has it."""
LEASE: Final = timedelta(minutes=15)
OLDEST: Final = timedelta(days=7)
"""Messages that are older are left to `listen-server messages transcribe`."""
NEWEST: Final = timedelta(minutes=5)
"""The words of newer ones may still come."""
TRIES: Final = 3  # for one message that is at fault itself, by one process


class NotTranscribed(Exception):  # noqa: N818 - a finding: the message is as it was
    """A message could not be understood; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What was understood of one part of a message; times are those of its own audio."""

    part: int
    transcript: Transcript


async def transcribe_part(
    store: MessageStore,
    database: Database,
    wanted: Untranscribed,
    offer: Offer,
    *,
    actor: str,
    told: Callable[[float], None] = lambda _: None,
) -> Transcript:
    """Understand a part and keep its transcript, in the place of an earlier one.

    Raises NotTranscribed, EngineAway, EngineRefused, and what reading messages raises.
    """
    message, part = wanted.message, wanted.part
    playback = await store.open(wanted.tenant, message, actor=actor, part=part)
    if playback.findings or not playback.frames:
        why = "; ".join(str(one) for one in playback.findings) or "it has no audio"
        raise NotTranscribed(f"message {message}: {why}")
    mix: Mix = "mono" if playback.channels == 1 else "stereo"
    transcript = await read_aloud(
        offer.transcriber,
        offer.engine,
        playback.blocks(),
        AudioFormat(playback.sample_rate, mix),
        offer.language,
        told=told,
    )
    plain = await asyncio.to_thread(encode, transcript)
    sealed = await store.seal_value(message, part, WHOLE, plain, actor=actor)
    await put_transcript(database, message, part, sealed, engine=offer.engine)
    return transcript


async def transcripts(
    store: MessageStore, database: Database, tenant: str, message: str, *, actor: str
) -> tuple[Understood, ...]:
    """Return what was understood of a message, in the order in which its parts are heard.

    A transcript that covers all goes before one that does not, a newer one before an older.
    """
    best: dict[int, tuple[bool, datetime, Transcript]] = {}
    parts = await list_parts(database, tenant, message)
    heard = [one.part for one in parts if one.ranges]
    for part in parts:
        about = part.part if part.ranges or not heard else heard[0]
        with suppress(Refused, NoKey):
            values = await store.values(message, part.part, actor=actor)
            for label in (WHOLE, SOME):
                with suppress(KeyError, ValueError):
                    found = decode(values[label])
                    one = (label == WHOLE, found.made_at, found)
                    best[about] = max(best.get(about, one), one, key=lambda each: each[:2])
    order = dict.fromkeys([*heard, *best])
    return tuple(Understood(part, best[part][2]) for part in order if part in best)


class CatchingUp:
    """Understands messages whose engine was away, in one process of those that share a database.

    It uses an engine that is open here (../transcript/board.py), one message after the other.
    """

    def __init__(
        self,
        database: Database,
        store: Callable[[], Awaitable[MessageStore]],
        *,
        interval: float,
        newest: timedelta = NEWEST,
    ) -> None:
        self._database = database
        self.store = store
        self._interval = interval
        self._newest = newest
        self._owner = str(ULID())
        self._tries: Counter[tuple[str, int]] = Counter()
        self._had_a_turn: set[tuple[str, int]] = set()
        """Since all had one: a message that ends a round again and again holds up no other."""
        self._task: asyncio.Task[None] | None = None
        self._is_mine = False
        self.done = 0
        """Messages that have a transcript since."""

    def start(self) -> None:
        """Begin to look; an interval of 0 leaves all of it to others."""
        if self._interval:
            self._task = asyncio.create_task(self._keep(), name="voicemail transcribing")

    async def close(self) -> None:
        """Stop at once; what was not done is done by another process, or later."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            if self._is_mine:
                with contextlib.suppress(IndexAway):
                    await drop_task(self._database, TASK, self._owner)

    async def waiting(self) -> Waiting:
        """Return what a round would begin with, where rounds are this process's. IndexAway."""
        if not self._is_mine:
            return Waiting(0, 0, None)
        now = datetime.now(UTC)
        found = await count_untranscribed(
            self._database, after=now - OLDEST, before=now - self._newest
        )
        return Waiting(*found)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if not BOARD.offers:
                continue
            try:
                await self.round(BOARD.offers[0])
            except (IndexAway, KeysAway, ObjectsAway, EngineAway) as error:
                log.info("transcribing later", why=str(error))
            except EngineRefused as error:
                log.warning("messages wait for a transcript", why=str(error))
            except Exception as error:  # noqa: BLE001 - calls go on, and it is seen
                log.warning("transcribing failed", error=type(error).__name__)

    async def round(self, offer: Offer) -> None:
        """Understand what waits, if no other process does. Raises what keeps all from it."""
        if not await self._claim():
            return
        async for wanted in self._waiting():
            self._had_a_turn.add((wanted.message, wanted.part))
            try:
                store = await self.store()
                await transcribe_part(store, self._database, wanted, offer, actor=ACTOR)
            except (NotTranscribed, NoKey, IndexRefusal) as error:
                self._tries[wanted.message, wanted.part] += 1
                log.warning("a message stays without transcript", why=str(error))
                continue
            self.done += 1
            if not await self._claim():
                return
        self._had_a_turn.clear()

    async def _claim(self) -> bool:
        until = datetime.now(UTC) + LEASE
        self._is_mine = await claim_task(self._database, TASK, self._owner, until)
        return self._is_mine

    async def _waiting(self) -> AsyncIterator[Untranscribed]:
        now = datetime.now(UTC)
        behind: tuple[str, int] | None = None
        while page := await untranscribed(
            self._database,
            begun=True,
            after=now - OLDEST,
            before=now - self._newest,
            behind=behind,
        ):
            for one in page:
                key = one.message, one.part
                if key not in self._had_a_turn and self._tries[key] < TRIES:
                    yield one
            behind = page[-1].message, page[-1].part

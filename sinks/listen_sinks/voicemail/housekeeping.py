"""Housekeeping: what age, erasures and restored backups leave to do, done again and again.

    ledger --replay--> index --retention--> erased --> scrubbed --> objects deleted

plugin.py keeps it going beside the calls, `listen-server messages tidy` does one round. Each step
is taken whether or not the one before it could be, and again in the next round.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from ulid import ULID

from listen_sinks.objects import ObjectsAway, ObjectStore
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.leases import claim_task, drop_task
from listen_sinks.voicemail.index.ledger import BadLedger
from listen_sinks.voicemail.index.replay import replay_erasures
from listen_sinks.voicemail.index.retention import apply_retention
from listen_sinks.voicemail.removing import remove_objects

log = structlog.get_logger(__name__)

TASK: Final = "housekeeping"
LEASE: Final = 900.0  # seconds, at least, until another process may think this one dead
RETRY: Final = 60.0  # seconds until a round that failed is taken again, if that is sooner
_LAST: Final = 5.0  # seconds for the last words of a process that stops

Step = Callable[["Tidied"], Awaitable[None]]


@dataclass
class Tidied:
    """What a round has done so far."""

    doing: str = ""
    replayed: int = 0  # erasures that a restored backup had brought back
    doubtful: int = 0  # erasures in the ledger of which nobody knows whether they were done
    deleted: int = 0  # messages, by age; can be taken back
    erased: int = 0  # messages that were deleted long enough ago
    objects: int = 0  # deleted from the store
    unscrubbed: bool = False  # keys may still be in the database's files
    failures: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there was anything to do."""
        return bool(self.replayed or self.deleted or self.erased or self.objects)


class Round:
    """One round. `tell` is called when it goes on, with what it has done so far."""

    def __init__(
        self,
        erasures: Erasures,
        objects: ObjectStore,
        tell: Callable[[Tidied], None] = lambda _: None,
    ) -> None:
        self._erasures = erasures
        self._objects = objects
        self._tell = tell
        self.stopping: Callable[[], bool] = lambda: False

    async def replay(self, done: Tidied) -> None:
        """Erase what a restored backup of the database has brought back."""
        replay = await replay_erasures(self._erasures)
        done.replayed, done.doubtful = replay.replayed, replay.doubtful

    async def retain(self, done: Tidied) -> None:
        """Delete what is old enough, and erase what was deleted long enough ago."""
        run = await apply_retention(self._erasures, datetime.now(UTC))
        done.deleted, done.erased = run.deleted, run.erased

    async def finish(self, done: Tidied) -> None:
        """Finish every erasure: its keys leave the files, its objects the store."""

        def gone() -> None:
            done.objects += 1
            self._tell(done)

        done.unscrubbed = not await self._erasures.scrub_waiting()
        for receipt in await self._erasures.unfinished():
            if self.stopping():
                return
            await remove_objects(self._erasures, self._objects, receipt, gone)

    async def take(self, done: Tidied, doing: str, step: Step) -> None:
        """Take a step; what keeps it from being taken is one sentence more."""
        if self.stopping():
            return
        done.doing = doing
        self._tell(done)
        try:
            await step(done)
        except (IndexAway, BadLedger) as error:
            done.failures.append(f"{doing}: {error}")
        except ObjectsAway as error:
            done.failures.append(f"{doing}: the store is away ({error})")
        except OSError as error:
            done.failures.append(f"{doing}: {error.strerror or type(error).__name__}")

    async def all(self) -> Tidied:
        """Take all steps."""
        done = Tidied()
        await self.take(done, "replaying the erasure ledger", self.replay)
        await self.rest(done)
        return done

    async def rest(self, done: Tidied) -> None:
        """Take the steps that one process does for all: the ledger is each machine's own."""
        await self.take(done, "deleting and erasing by age", self.retain)
        await self.take(done, "finishing erasures", self.finish)


class Housekeeping:
    """Rounds, `interval` seconds apart, in one process of those that share a database."""

    def __init__(self, erasures: Erasures, objects: ObjectStore, *, interval: float) -> None:
        self._database = erasures.database
        self._round = Round(erasures, objects)
        self._interval = interval
        self._owner = str(ULID())
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._round.stopping = self._stopping.is_set
        self._is_mine = False
        self._replayed = False
        self.rounds = 0

    def start(self) -> None:
        """Begin with a round; an interval of 0 leaves all of it to others."""
        if self._interval:
            self._task = asyncio.create_task(self._keep(), name="voicemail housekeeping")

    async def close(self) -> None:
        """Stop, and let another process go on from there."""
        if self._task is None:
            return
        self._stopping.set()
        await asyncio.wait([self._task], timeout=_LAST)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            went_well = await self._one()
            self.rounds += 1
            pause = self._interval if went_well else min(self._interval, RETRY)
            pause *= random.uniform(0.9, 1.0)  # noqa: S311 - so that not all come at once
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
        if self._is_mine:
            with contextlib.suppress(IndexAway):  # then others wait until the lease is over
                await drop_task(self._database, TASK, self._owner)

    async def _one(self) -> bool:
        done = Tidied()
        try:
            if not self._replayed:  # a restored database is met at the start
                await self._round.take(done, "replaying the erasure ledger", self._round.replay)
                self._replayed = not done.failures
            if await self._claim():
                await self._round.rest(done)
        except IndexAway as error:
            done.failures.append(f"asking whose turn it is: {error}")
        except Exception as error:  # noqa: BLE001 - calls go on, and it is seen
            done.failures.append(f"{done.doing}: {type(error).__name__}")
        _tell(done)
        return not done.failures

    async def _claim(self) -> bool:
        until = datetime.now(UTC) + timedelta(seconds=max(self._interval, LEASE))
        self._is_mine = await claim_task(self._database, TASK, self._owner, until)
        return self._is_mine


def _tell(done: Tidied) -> None:
    for failure in done.failures:
        log.warning("housekeeping could not be done: trying again", failure=failure)
    if done.unscrubbed:
        log.warning("erased keys may still be in the database's files: trying again")
    if done:
        log.info(
            "housekeeping done",
            replayed=done.replayed,
            deleted=done.deleted,
            erased=done.erased,
            objects=done.objects,
        )

"""The way of events to one target, out of the outbox: claimed, delivered, settled, over and over.

deliverer.py has one for each target, and what they share.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import (
    Claimed,
    OutboxBacklog,
    Tried,
    claim,
    settle,
    target_is_gone,
)
from listen_sinks.voicemail.index.outbox import Subscription
from listen_sinks.webhook.answers import Answer
from listen_sinks.webhook.events import Event

log = structlog.get_logger(__name__)

POLL: Final = 1.0  # seconds between two looks at an outbox in which nothing was due
_MARGIN: Final = 30.0  # seconds beyond a target's timeout that a claim holds
_FIRST_DELAY: Final = 5.0  # seconds, after the first try of an event
_LONGEST_DELAY: Final = 3600.0
_LONGEST_REST: Final = 60.0  # seconds, where a service takes nothing at all
_DOUBLINGS: Final = 12  # more would be longer than the longest, in any case
_FEWEST_TRIES: Final = 5  # before an event is given up, if the server itself was away for days


class Watcher(Protocol):
    """Who counts."""

    def event_tried(self, event_type: str, outcome: str) -> None:
        """Count a try: it was `delivered`, has `failed` and comes again, or the event is `dead`."""

    def outbox_has(self, outbox: object, backlog: OutboxBacklog) -> None:
        """Follow what is in an outbox, which is the same object each time."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as it goes by for events that wait. A test may have another."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Told(Protocol):
    """Who is told of events: a service (target.py), an owner of a mailbox (../mail/mailer.py)."""

    async def tell(self, event: Event) -> Answer:
        """Deliver an event; it may come again. Raises nothing that is not a fault of ours."""


class Rules(Protocol):
    """How somebody is told: of what, how patiently, how much at once."""

    @property
    def events(self) -> Collection[str]:
        """Which types."""

    @property
    def tenants(self) -> Collection[str] | None:
        """Whose; None: those of all tenants, and of none."""

    @property
    def fingerprint(self) -> str:
        """64 hex digits that are others for another address."""

    @property
    def timeout(self) -> float:
        """Seconds that one try may take."""

    @property
    def give_up_days(self) -> float:
        """Days after which an event is given up."""

    @property
    def at_once(self) -> int:
        """Events that are on their way at once."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is told, with the rules of it."""

    target: Told
    settings: Rules

    @property
    def subscription(self) -> Subscription:
        """What the outbox has to know of it."""
        own = self.settings
        return Subscription(own.events, own.tenants, own.fingerprint)


class Way:
    """Delivers to one target: several events at once, and one at a time while it takes none."""

    def __init__(
        self, database: Database, name: str, subscriber: Subscriber, watcher: Watcher, clock: Clock
    ) -> None:
        self._database = database
        self._name = name
        self._subscriber = subscriber
        self._watcher = watcher
        self._clock = clock
        self._in_vain = 0  # times in a row
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def work(self) -> None:
        """Deliver until `stop`. Raises IndexAway."""
        while not self._stopping:
            self._idle.clear()
            try:
                some = await self._deliver_some()
            finally:
                self._idle.set()
            if not some:
                await self._clock.sleep(POLL)
            elif self._in_vain:
                await self._clock.sleep(_jittered(min(0.5 * 2**self._in_vain, _LONGEST_REST)))

    async def stop(self, patience: float) -> None:
        """Claim nothing more, and let what is under way arrive, if it does in so many seconds."""
        self._stopping = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience)

    async def _deliver_some(self) -> bool:
        settings = self._subscriber.settings
        now = self._clock.now()
        until = now + timedelta(seconds=settings.timeout + _MARGIN)
        limit = 1 if self._in_vain else settings.at_once
        claimed = await claim(self._database, self._name, now, until, limit)
        if not claimed:
            return False
        answers = await asyncio.gather(*[self._post(one) for one in claimed])
        now = self._clock.now()
        tries = [self._tried(*pair, now) for pair in zip(claimed, answers, strict=True)]
        await settle(self._database, tries, now)
        self._count([tried for tried in tries if tried.counts])
        if any(answer.verdict == "gone" for answer in answers):
            await self._give_up_target(now)
        return True

    async def _post(self, claimed: Claimed) -> Answer:
        event = claimed.event
        try:
            return await self._subscriber.target.tell(event)
        except Exception as error:
            log.exception("event not delivered", target=self._name, id=event.id)
            return Answer("later", type(error).__name__)

    def _tried(self, claimed: Claimed, answer: Answer, now: datetime) -> Tried:
        if answer.verdict == "wait":
            later = now + timedelta(seconds=answer.wait)
            return Tried(claimed, "waiting", answer.says, later, counts=False)
        if answer.verdict == "done":
            return Tried(claimed, "delivered", answer.says, now)
        if answer.verdict in ("gone", "never") or self._is_too_old(claimed, now):
            return Tried(claimed, "dead", answer.says, now)
        later = now + timedelta(seconds=delay(claimed.tries, answer.wait))
        return Tried(claimed, "waiting", answer.says, later)

    def _is_too_old(self, claimed: Claimed, now: datetime) -> bool:
        longest = timedelta(days=self._subscriber.settings.give_up_days)
        return now - claimed.since > longest and claimed.tries + 1 >= _FEWEST_TRIES

    def _count(self, tries: Sequence[Tried]) -> None:
        for tried in tries:
            event = tried.claimed.event
            outcome = "failed" if tried.state == "waiting" else tried.state
            self._watcher.event_tried(event.type, outcome)
            if outcome == "dead":
                log.error("event given up", target=self._name, id=event.id, says=tried.result)
        if not tries:
            return
        if any(tried.state == "delivered" for tried in tries):
            if self._in_vain > 1:
                log.info("target takes events again", target=self._name)
            self._in_vain = 0
            return
        self._in_vain = min(self._in_vain + 1, _DOUBLINGS)
        if self._in_vain == 2:  # noqa: PLR2004 - once is no news
            says = tries[0].result
            log.warning("target does not take events: trying on", target=self._name, says=says)

    async def _give_up_target(self, now: datetime) -> None:
        if await target_is_gone(self._database, self._name, now):
            log.error(
                "target says that it is gone: it is used no more",
                target=self._name,
                fix=f"take it out, or `listen-server events replay --target {self._name}`",
            )


def delay(tries: int, wait: float) -> float:
    """Return the seconds until an event is tried again: twice as many each time, never the same.

    `wait` is how many the service has asked for.
    """
    longer = min(_FIRST_DELAY * 2 ** min(tries, _DOUBLINGS), _LONGEST_DELAY)
    return max(wait, _jittered(longer))


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

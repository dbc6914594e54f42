"""An outbox at work, for tests: a deliverer on a database, with a clock that may run fast."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ulid import ULID
from webhook_receiver import Receiver

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.deliveries import OutboxBacklog
from listen_sinks.voicemail.index.outbox import Subscription, put_alone, subscribe
from listen_sinks.webhook.config import WebhookSettings
from listen_sinks.webhook.deliverer import Deliverer
from listen_sinks.webhook.events import TYPES, Event, message_transcribed
from listen_sinks.webhook.target import Target
from listen_sinks.webhook.way import Clock, Subscriber


@dataclass
class Tally:
    """What a deliverer counted."""

    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    backlog: OutboxBacklog | None = None

    def event_tried(self, event_type: str, outcome: str) -> None:
        self.tried[event_type, outcome] += 1

    def outbox_has(self, outbox: object, backlog: OutboxBacklog) -> None:
        del outbox
        self.backlog = backlog

    def outcomes(self) -> Counter[str]:
        return sum((Counter({key[1]: n}) for key, n in self.tried.items()), Counter())


def make_event(about: str | None = None, **changes: Any) -> Event:
    given = {
        "tenant": "acme",
        "mailbox": "01KB0000000000000000000000",
        "message": about or str(ULID()),
        "part": 1,
        "engine": "null",
    }
    return message_transcribed(**{**given, **changes})


def fast(speed: float) -> Clock:
    """Make a clock on which so many seconds go by in one."""
    began, at_start = time.monotonic(), datetime.now(UTC)

    def now() -> datetime:
        return at_start + timedelta(seconds=(time.monotonic() - began) * speed)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / speed)

    return Clock(now, sleep)


def wants_all(*names: str, **changes: Any) -> dict[str, Subscription]:
    """Want all that happens; how many messages there are then, tests of that ask for."""
    happenings = [event for event in TYPES if event != "mailbox.counts"]
    one = {"events": happenings, "tenants": None, "fingerprint": "0" * 64, **changes}
    return {name: Subscription(**one) for name in names}


@asynccontextmanager
async def delivering(
    database: Database,
    receivers: Mapping[str, Receiver | WebhookSettings],
    *,
    speed: float = 20.0,
    events: list[Event] | None = None,
) -> AsyncIterator[Tally]:
    """Deliver to receivers while the block runs; `events` are put when they are known."""
    settings = {
        name: one.settings() if isinstance(one, Receiver) else one
        for name, one in receivers.items()
    }
    targets = {name: Target(name, one, Path("/nowhere")) for name, one in settings.items()}
    webhooks = {name: Subscriber(targets[name], one) for name, one in settings.items()}
    for target in targets.values():
        await target.open()
    tally = Tally()
    deliverer = Deliverer(database, webhooks, tally, fast(speed))
    if events:
        await subscribe(database, {name: one.subscription for name, one in webhooks.items()})
        await put_alone(database, events)
    deliverer.start()
    try:
        yield tally
    finally:
        await deliverer.close()
        for target in targets.values():
            await target.close()

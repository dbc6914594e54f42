"""The events of one stream, delivered in their order, from memory. sink.py puts them in.

They may hold what a caller has pressed or said, so they are on no disk: what is not delivered when
the process ends is lost.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from listen_sinks.webhook.events import moment
from listen_sinks.webhook.target import Target

log = structlog.get_logger(__name__)

MOST: Final = 1000
"""Events of one stream that may wait."""
_FIRST_DELAY: Final = 0.5  # seconds
_LONGEST_DELAY: Final = 30.0


class Line:
    """A bounded queue to a service. Nothing here waits but `deliver`."""

    def __init__(
        self, stream: str, target: Target, patience: float, at_once: asyncio.Semaphore
    ) -> None:
        self._stream = stream
        self._target = target
        self._patience = patience
        self._at_once = at_once
        self._waiting: deque[tuple[str, str, float]] = deque()  # id, body, when on the loop's clock
        self._something = asyncio.Event()
        self._number = 0  # of the next event
        self._ended = False
        self.lost = 0
        """Events that were not, or will not be, delivered."""

    def put(self, kind: str, data: Mapping[str, Any], *, last: bool = False) -> None:
        """Have an event delivered. Of too many, the newest are lost, but never the last one."""
        number, self._number = self._number, self._number + 1
        self._ended = last
        self._something.set()
        if len(self._waiting) >= MOST and not last:
            self.lost += 1
            return
        about = {"stream": self._stream, "number": number, **data}
        told = {"type": kind, "timestamp": moment(datetime.now(UTC)), "data": about}
        body = json.dumps(told, separators=(",", ":"))
        now = asyncio.get_running_loop().time()
        self._waiting.append((f"{self._stream}.{number}", body, now))

    async def deliver(self) -> None:
        """Deliver until the last event has arrived, or is given up."""
        failures = 0
        while self._waiting or not self._ended:
            if not self._waiting:
                self._something.clear()
                await self._something.wait()
                continue
            if await self._deliver_one():
                failures = 0
            else:
                delay = min(_FIRST_DELAY * 2 ** min(failures, 10), _LONGEST_DELAY)
                failures += 1
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        if self.lost:
            name = self._target.name
            log.warning("events of a stream lost", sink=name, stream=self._stream, lost=self.lost)

    def give_up(self) -> None:
        """Count what waits as lost."""
        self.lost += len(self._waiting)
        self._waiting.clear()

    async def _deliver_one(self) -> bool:
        """Try the oldest; return whether to go on with the next at once."""
        one = self._waiting[0]
        id_, body, since = one
        async with self._at_once:
            answer = await self._target.post(id_, body)
        if answer.verdict == "gone":
            self.give_up()
            return True
        late = asyncio.get_running_loop().time() - since > self._patience
        if answer.verdict == "later" and not late:
            return False
        if self._waiting and self._waiting[0] is one:  # else it was given up meanwhile
            self._waiting.popleft()
            self.lost += answer.verdict != "done"
        return True

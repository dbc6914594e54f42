"""What can be stopped: a verb, the prompt in it, a hold. Waiting in a scope ends when it stops."""

import asyncio
from typing import Any, Final, Literal, TypeAlias

from listen_server.simulator.platform.clock import Clock

Reason: TypeAlias = Literal["hangup", "replaced", "over"]


class Stopped(Exception):  # noqa: N818 - it is no error
    """A scope has been stopped while something waited in it."""

    def __init__(self, scope: "Scope") -> None:
        super().__init__(scope.reason)
        self.scope = scope


class Scope:
    """Something that takes time and can be stopped, alone or with what it is inside of."""

    def __init__(self, clock: Clock, parent: "Scope | None" = None) -> None:
        self.clock: Final = clock
        self._parent = parent
        self._stopped: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()

    def inside(self) -> "Scope":
        """Return a scope that stops with this one, or alone."""
        return Scope(self.clock, self)

    def stop(self, reason: Reason = "over") -> None:
        """Stop it, once."""
        if not self._stopped.done():
            self._stopped.set_result(reason)

    @property
    def reason(self) -> Reason | None:
        """Why it or what it is inside of has stopped."""
        scopes = self._all()
        return next((one._stopped.result() for one in scopes if one._stopped.done()), None)  # noqa: SLF001 - its own class

    async def sleep(self, seconds: float) -> None:
        """Let seconds pass. Raises Stopped."""
        await self.until(seconds=seconds)

    async def until(
        self, *futures: "asyncio.Future[str]", seconds: float | None = None
    ) -> "asyncio.Future[str] | None":
        """Wait for one of the futures; None if the seconds are over first. Raises Stopped."""
        timer = None if seconds is None else self.clock.after(seconds)
        stops = [scope._stopped for scope in self._all()]  # noqa: SLF001 - its own class
        watched: list[asyncio.Future[Any]] = [*futures, *stops, *([timer] if timer else [])]
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if timer is not None:
                timer.cancel()
        if any(stop.done() for stop in stops):
            raise Stopped(self)
        return next((future for future in futures if future.done()), None)

    def _all(self) -> "list[Scope]":
        found, scope = [self], self._parent
        while scope is not None:
            found.append(scope)
            scope = scope._parent  # noqa: SLF001 - its own class
        return found

"""The application's start and end (ASGI lifespan), told to serving.py without loss.

uvicorn's own logs what the application raises and ends the process; here it reaches the
caller of `serve`, who can say it to the operator in one sentence.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from uvicorn import Config


class Lifespan:
    """Stands in for `uvicorn.lifespan.on.LifespanOn`; the attributes are uvicorn's."""

    def __init__(self, config: Config) -> None:
        self.should_exit = False
        self.state: dict[str, Any] = {}
        self._app = config.loaded_app
        self._inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._failure: str | None = None
        self._supported = False
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Return when the application is ready; raise what it raises.

        An application that refuses the lifespan scope before it asks for a message has no
        lifespan (ASGI, "Lifespan Protocol"); that is no failure. Cancelling this cancels it.
        """
        self._task = asyncio.create_task(self._run())
        await self._tell(self._task, "startup")

    async def shutdown(self) -> None:
        """Return when the application has put everything away; raise what it raises."""
        if self._task is not None and not self._task.done():
            await self._tell(self._task, "shutdown")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            if self._supported:
                raise

    async def _receive(self) -> dict[str, str]:
        self._supported = True
        return await self._inbox.get()

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message["type"].endswith(".failed"):
            self._failure = message.get("message") or "no reason given"
        self._answered.set()

    async def _tell(self, task: asyncio.Task[None], phase: Literal["startup", "shutdown"]) -> None:
        self._answered.clear()
        self._inbox.put_nowait({"type": f"lifespan.{phase}"})
        answered = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait({task, answered}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            answered.cancel()
        if self._failure is not None:
            await asyncio.wait({task}, timeout=1)  # most raise what they have just reported
        if task.done():
            task.result()
        if self._failure is not None:
            raise RuntimeError(f"the application's {phase} failed: {self._failure}")

"""An application to be served, for tests."""

import asyncio
from typing import ClassVar

from listen_server.jambonz import Call, CallApplication, Pause, Verbs, hook


class Desk(CallApplication):
    """Lets everybody wait."""

    errors: ClassVar[list[object]] = []

    async def on_call(self, call: Call) -> Verbs:
        del call
        return [Pause(length=60)]

    @hook("/slowly")
    async def slowly(self, call: Call) -> Verbs:
        """Take longer than a server that is about to stop looks away."""
        del call
        await asyncio.sleep(0.5)
        return [Pause(length=1)]

    async def on_error(self, call: Call, error: object) -> None:
        del call
        self.errors.append(error)


class Needy(Desk):
    """Cannot be made."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted


class Silent(CallApplication):
    """Answers no call."""

"""An application to be served, for tests."""

from typing import ClassVar

from listen_server.jambonz import Call, CallApplication, Pause, Verbs


class Desk(CallApplication):
    """Lets everybody wait."""

    errors: ClassVar[list[object]] = []

    async def on_call(self, call: Call) -> Verbs:
        del call
        return [Pause(length=60)]

    async def on_error(self, call: Call, error: object) -> None:
        del call
        self.errors.append(error)


class Needy(Desk):
    """Cannot be made."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted


class Silent(CallApplication):
    """Answers no call."""

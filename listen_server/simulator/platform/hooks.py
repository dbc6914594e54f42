"""How a simulated call asks its application, and tells it things; session.py is the call."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from listen_server.jambonz.model import Webhook
from listen_server.jambonz.verbs import Verb
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.reaching import Reach
from listen_server.simulator.platform.rules import Refusal, name_of, read_application
from listen_server.simulator.platform.screenplay import Screenplay
from listen_server.simulator.platform.transport import Hook, Kind, path_in

_MAX_ASKED: Final = 1000


class Hooks:
    """The application, as one call has it; what is said goes into the screenplay."""

    transport: Reach

    def __init__(
        self, info: CallInfo, clock: Clock, play: Screenplay, status_hook: Hook | None
    ) -> None:
        self.info: Final = info
        self.clock: Final = clock
        self.play: Final = play
        self.refusals: list[Refusal] = []
        self._asked = 0
        self.status_hook: Hook | None = status_hook
        self._told: asyncio.Queue[tuple[Kind, Hook, dict[str, Any]]] = asyncio.Queue()

    def write(self, who: str, what: str) -> None:
        """Write a line of the screenplay."""
        self.play.write(self.clock.now, who, what)

    def refuse(self, refusal: Refusal) -> None:
        """Take note of what the platform does not take."""
        self.refusals.append(refusal)
        self.write("REFUSED", f"{refusal} ({refusal.source})")

    async def ask(
        self,
        kind: Kind,
        hook: Hook,
        told: Mapping[str, Any],
        *,
        place: str = "call",
        of: CallInfo | None = None,
    ) -> list[Verb]:
        """Ask a hook for verbs; none where the answer is no list. Raises Refusal."""
        self._asked += 1
        if self._asked > _MAX_ASKED:
            raise CallError(f"hooks were asked {_MAX_ASKED} times: the call goes in circles")
        self.write("JAMBONZ", f"asks {_path(hook)}{_shown(told)}")
        with self.clock.held():
            payload = {**(of or self.info).payload(), **told}
            given = await self.transport.ask(kind, hook, payload)
        if place == "call" and not isinstance(given, list):
            given = []  # task.js, performAction: what is no array is no answer
        verbs = read_application(given, place) if given is not None else []
        self.show_answer(verbs)
        return verbs

    def tell(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> None:
        """Tell the application something that wants no answer, in order."""
        self.clock.hold()
        self._told.put_nowait((kind, hook, told))

    def notify(self, hook: Hook, told: Mapping[str, Any], of: CallInfo | None = None) -> None:
        """Tell a hook whose answer is ignored."""
        self.write("JAMBONZ", f"tells {_path(hook)}{_shown(told)}")
        self.tell("verb:hook", hook, {**(of or self.info).payload(), **told})

    def report(self, message: str, details: str) -> None:
        """Send `jambonz:error`; over HTTP there is none."""
        if self.transport.lasting:
            self.write("JAMBONZ", f"tells an error: {message}")
        self.tell("jambonz:error", "/error", {"msg": message, "details": details})

    def status(
        self, status: str, sip_status: int, reason: str, info: CallInfo | None = None
    ) -> None:
        """Change the status of a leg, and tell it."""
        leg = info or self.info
        leg.status, leg.sip_status, leg.sip_reason = status, sip_status, reason
        who = "" if info is None else f"the call to {leg.to} is "
        self.write("JAMBONZ", f"tells the status: {who}{status}")
        if self.status_hook is not None:
            self.tell("call:status", self.status_hook, leg.payload())

    async def tell_all(self) -> None:
        """Tell it all, in order, until cancelled."""
        while True:
            kind, hook, told = await self._told.get()
            try:
                if kind == "verb:hook":
                    await self.transport.ask(kind, hook, told)
                else:
                    await self.transport.tell(kind, hook, told)
            except Refusal as refusal:
                self.refuse(refusal)
            finally:
                self._told.task_done()
                self.clock.release()

    async def all_told(self) -> None:
        """Wait until everything is told."""
        await self._told.join()

    def show_answer(self, verbs: list[Verb]) -> None:
        """Write which verbs came."""
        self.write("APP", f"answers {', '.join(map(name_of, verbs)) or 'nothing'}")


def _path(hook: Hook) -> str:
    return path_in(hook.url if isinstance(hook, Webhook) else hook)


def _shown(told: Mapping[str, Any]) -> str:
    """Return what a hook is about, in a few words."""
    shown = [
        f"{key}={value}"
        for key, value in told.items()
        if isinstance(value, str | int) and not key.endswith("Sid")
    ]
    speech = told.get("speech")
    if isinstance(speech, dict):
        shown.append(f"speech={speech['alternatives'][0]['transcript']!r}")
    return f" with {' '.join(shown)}" if shown else ""

"""How a call reaches its application, which may change hands: webhooks.py here, sockets.py there.

Who asks what of whom, and with whose credentials: lib/utils/http-requestor.js, ws-requestor.js,
lib/tasks/redirect.js and `handover` in lib/session/call-session.js of jambonz-feature-server 0.9.8.
"""

from dataclasses import replace
from typing import Any, Final

from listen_server.jambonz.model import Webhook
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.info import Server
from listen_server.simulator.platform.sockets import Sockets
from listen_server.simulator.platform.transport import (
    AppAddress,
    CommandTaker,
    Hook,
    Kind,
    Noticer,
    Transport,
)
from listen_server.simulator.platform.webhooks import Webhooks, origin

GRACE: Final = 0.01  # seconds of real time before each jump, for what a socket says unasked


class Reach:
    """The application of one call, at whatever address it is by now."""

    def __init__(
        self,
        address: AppAddress,
        server: Server,
        clock: Clock,
        on_command: CommandTaker,
        notice: Noticer,
    ) -> None:
        self._address = address
        self._server: Final = server
        self._clock: Final = clock
        self._on_command: Final = on_command
        self._notice: Final = notice
        self._call_sid = ""
        self._past: list[Transport] = []
        self._now: Transport = self._made(address)
        self._notified: Transport = self._now

    @property
    def call_sid(self) -> str:
        """Whose call it is."""
        return self._call_sid

    @call_sid.setter
    def call_sid(self, call_sid: str) -> None:
        self._call_sid = self._now.call_sid = call_sid

    @property
    def base(self) -> str:
        """What is put before a relative url."""
        return self._now.base

    @property
    def lasting(self) -> bool:
        """Whether there is a socket, or may be one again."""
        return self._now.lasting

    async def begin(self, told: dict[str, Any]) -> Any:
        """Ask for the application. Raises Refusal."""
        return await self._now.begin(told)

    async def ask(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> Any:
        """Ask a hook, wherever it is; a redirect may go on elsewhere for good. Raises Refusal."""
        url = _url(hook)
        redirects = kind == "session:redirect"
        if redirects and isinstance(hook, str):
            self._move_by_redirect(url)
        if url.startswith("ws") and not isinstance(self._now, Sockets):
            return await self._ask_new_socket(hook, told, stays=redirects)
        if url.startswith("http") and isinstance(self._now, Sockets):
            return await self._ask_webhook(kind, hook, told, stays=redirects)
        return await self._now.ask(kind, hook, told)

    async def tell(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> None:
        """Tell what wants no answer; the status goes where it always went.

        Events of queues go to a hook of the account's, always over HTTP.
        """
        if kind == "queue:status":
            await self._webhook(self._at(hook)).tell(kind, hook, told)
            return
        whom = self._notified if kind == "call:status" else self._now
        await whom.tell(kind, hook, told)

    async def close(self) -> None:
        """Close all that was ever open."""
        for one in [*self._past, self._now]:
            await one.close()

    def grown(self, on_command: CommandTaker, notice: Noticer) -> "Reach":
        """Return the way from a leg that becomes a call of its own (`doAdulting`)."""
        url = self._address.url
        by_socket = url.startswith("ws")
        address = replace(self._address, url=f"{url}/adulting" if by_socket else url)
        return Reach(address, self._server, self._clock, on_command, notice)

    async def grow(self, told: dict[str, Any]) -> None:
        """Say `session:adulting`; what is answered does not matter. Raises Refusal."""
        if isinstance(self._now, Sockets):
            await self._now.begin(told, kind="session:adulting")
        else:
            await self._now.ask("session:adulting", "/adulting", told)

    def _made(self, address: AppAddress) -> Transport:
        made: Transport
        if address.url.startswith("ws"):
            self._clock.grace = GRACE
            made = Sockets(
                address,
                self._server,
                self._clock,
                lambda message: self._take(made, message),
                self._notice,
            )
        else:
            made = Webhooks(address, self._server)
        made.call_sid = self._call_sid
        return made

    def _take(self, whose: Transport, message: dict[str, Any]) -> None:
        if whose is self._now:  # nobody listens to the application that was before
            self._on_command(message)

    def _move(self, address: AppAddress) -> None:
        self._address = address
        self._past.append(self._now)
        self._now = self._made(address)

    def _move_by_redirect(self, url: str) -> None:
        """Go to an absolute address for good, without the credentials (redirect.js)."""
        address = AppAddress(url=url, secret=self._address.secret)
        if url.startswith("ws") and isinstance(self._now, Sockets):
            self._move(address)
        if url.startswith("http") and isinstance(self._now, Webhooks) and origin(url) != self.base:
            self._move(address)

    async def _ask_new_socket(self, hook: Hook, told: dict[str, Any], *, stays: bool) -> Any:
        """Ask an application at a ws address, from one at an http address: as a new session."""
        address = self._at(hook)
        if stays:
            self._move(address)
            return await self._now.begin(told)
        made = self._made(address)
        self._past.append(made)
        return await made.begin(told)

    async def _ask_webhook(
        self, kind: Kind, hook: Hook, told: dict[str, Any], *, stays: bool
    ) -> Any:
        """Ask at an http address, from an application with a socket."""
        address = self._at(hook)
        if stays:
            gone = self._now
            self._move(address)
            await gone.close()
            return await self._now.ask(kind, hook, told)
        return await self._webhook(address).ask(kind, hook, told)

    def _webhook(self, address: AppAddress) -> Webhooks:
        made = Webhooks(address, self._server)
        self._past.append(made)
        return made

    def _at(self, hook: Hook) -> AppAddress:
        """Return the address of a hook, with the credentials of its own."""
        secret = self._address.secret
        if isinstance(hook, str):
            return AppAddress(url=hook, secret=secret)
        user, password = hook.username or "", hook.password or ""
        return AppAddress(url=hook.url, username=user, password=password, secret=secret)


def _url(hook: Hook) -> str:
    return hook.url if isinstance(hook, Webhook) else hook

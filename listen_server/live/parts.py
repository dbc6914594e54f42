"""What an app serves beside streams: applications for jambonz, and the API over live calls.

Most servers have none of the first, and are never asked for the second: what both stand on
(verbs, commands) is imported when it is wanted.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from listen_server.admission import Admission
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.live.applications import serve_applications
from listen_server.live.calls import LiveCalls
from listen_server.live.crew import Crew
from listen_server.live.here import Here
from listen_server.passes import Derives
from listen_server.server.drain import Drain
from listen_server.settings import Settings
from listen_server.voicemail.config import stream_route

if TYPE_CHECKING:
    from listen_server.jambonz.sockets import Sockets
    from listen_server.live.api import CallsApi
    from listen_server.live.door import Door
    from listen_server.telemetry import Telemetry
    from listen_server.voicemail.mounting import Mounted


class LiveParts:
    """The routes, and what they stand on. Making it imports applications: it may take long.

    Raises ConfigError for applications that cannot be served.
    """

    def __init__(
        self,
        settings: Settings,
        calls: LiveCalls,
        admission: Admission,
        credentials: CredentialStore,
        plugins: Iterable[Any],
        run_dir: Path | None = None,
        draining: Callable[[], bool] = lambda: False,
        telemetry: "Telemetry | None" = None,
    ) -> None:
        """Take `run_dir` for a worker: where it finds the others, and they find it.

        While it is `draining`, applications take no new calls.
        """
        self._settings = settings
        self._here = Here(calls)
        self._crew, self._door = _crew(self._here, run_dir, settings.workers)
        self._admission = admission
        self._plugins = list(plugins)
        self._making = asyncio.Lock()
        self._api: CallsApi | None = None
        self._closing = AsyncExitStack()
        self._sockets: list[Sockets] = []
        self.routes: list[BaseRoute] = [
            Route("/api/v1/calls", self._list, methods=["GET"]),
            Route("/api/v1/calls/{call_sid}/commands", self._command, methods=["POST"]),
        ]
        self.prefixes = tuple(settings.applications)
        self._voicemail = voicemail = _voicemail(
            settings, admission, credentials, self._plugins, telemetry
        )
        if voicemail:
            self.prefixes += (voicemail.path,)
            self.routes += voicemail.routes
            for sockets in voicemail.sockets:
                calls.add_application(None, sockets)
            self._sockets += voicemail.sockets
        for path, served in serve_applications(settings, admission, credentials).items():
            calls.add_application(settings.applications[path].tenant, served.sockets)
            self.routes += served.routes
            self._sockets.append(served.sockets)
        for sockets in self._sockets:
            sockets.answering.draining = draining

    @property
    def connected(self) -> int:
        """How many calls have a socket to an application."""
        return sum(sockets.connected for sockets in self._sockets)

    def leaves(self, drain: Drain) -> None:
        """Close the sockets of calls when a drain says so."""
        for sockets in self._sockets:
            sockets.leaving = lambda: drain.leaving
        drain.leave = self._leave

    def _leave(self, *, idle: bool) -> int:
        return sum(sockets.leave(idle=idle) for sockets in self._sockets)

    def serves(self, path: str) -> bool:
        """Tell whether a path is an application's."""
        return any(path == one or path.startswith(f"{one}/") for one in self.prefixes)

    async def open(self) -> None:
        """Answer the other workers, if there are any."""
        if self._door is not None:
            await self._door.open()

    async def settle(self) -> None:
        """Finish what applications have begun, before sinks are closed."""
        if self._voicemail is not None:
            await self._voicemail.settle()

    async def close(self) -> None:
        """Let go of connections, the audit log and the other workers."""
        if self._door is not None:
            await self._door.close()
        await self._closing.aclose()

    async def _list(self, request: Request) -> Response:
        return await (await self._opened()).list(request)

    async def _command(self, request: Request) -> Response:
        return await (await self._opened()).command(request)

    async def _opened(self) -> "CallsApi":
        async with self._making:
            if self._api is None:
                self._api = await asyncio.to_thread(self._open)
        return self._api

    def _open(self) -> "CallsApi":
        from listen_server.live.api import CallsApi  # noqa: PLC0415 - see above
        from listen_server.live.audit import CommandAudit  # noqa: PLC0415
        from listen_server.live.commander import Commander  # noqa: PLC0415
        from listen_server.live.rest import RestApi  # noqa: PLC0415

        rest = {tenant: RestApi(account) for tenant, account in self._settings.jambonz.items()}
        audit = CommandAudit(self._settings.data_dir, self._plugins)
        self._closing.push_async_callback(audit.close)
        for api in rest.values():
            self._closing.push_async_callback(api.close)
        commander = Commander(self._crew, rest)
        return CallsApi(self._crew, commander, self._admission.admit, audit)


def _crew(here: Here, run_dir: Path | None, workers: int) -> "tuple[Crew, Door | None]":
    parent = multiprocessing.parent_process()
    if run_dir is None or parent is None or parent.pid is None:
        return Crew(here), None
    from listen_server.live.door import Door  # noqa: PLC0415 - see above
    from listen_server.live.neighbours import Neighbours  # noqa: PLC0415

    try:
        neighbours = Neighbours(run_dir, parent.pid, workers)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"cannot make {run_dir} ({why}), where workers meet") from None
    return Crew(here, neighbours.others), Door(neighbours, here)


def _voicemail(
    settings: Settings,
    admission: Admission,
    credentials: CredentialStore,
    plugins: list[Any],
    telemetry: "Telemetry | None",
) -> "Mounted | None":
    """Return the voicemail application; None where no route has a sink for it."""
    wanted = settings.voicemail
    kept = [one for one in plugins if isinstance(one, Derives) and _name(one) == wanted.sink]
    if stream_route(wanted, settings.routes) is None or not (kept or wanted.enabled):
        return None
    from listen_server.voicemail.mounting import VoicemailRoutes  # noqa: PLC0415 - see above

    return VoicemailRoutes(settings, admission, credentials, kept, telemetry).mounted()


def _name(plugin: Any) -> str:
    return str(plugin.context.name)

"""What an app serves beside streams: applications for jambonz, and the API over live calls.

Most servers have none of the first, and are never asked for the second: what both stand on
(verbs, commands) is imported when it is wanted.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from listen_server.admission import Admission
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.live.calls import LiveCalls
from listen_server.live.config import ApplicationSettings
from listen_server.settings import Settings

if TYPE_CHECKING:
    from listen_server.jambonz import Access, CallApplication, Served
    from listen_server.live.api import CallsApi


class LiveParts:
    """The routes, and what they stand on. Making it imports applications: it may take long.

    Raises ConfigError for an application that cannot be imported.
    """

    def __init__(
        self,
        settings: Settings,
        calls: LiveCalls,
        admission: Admission,
        credentials: CredentialStore,
        plugins: Iterable[Any],
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._admission = admission
        self._plugins = list(plugins)
        self._making = asyncio.Lock()
        self._api: CallsApi | None = None
        self._closing = AsyncExitStack()
        self.routes: list[BaseRoute] = [
            Route("/api/v1/calls", self._list, methods=["GET"]),
            Route("/api/v1/calls/{call_sid}/commands", self._command, methods=["POST"]),
        ]
        self.prefixes = tuple(settings.applications)
        for path, wanted in settings.applications.items():
            served = _served(path, wanted, settings, admission, credentials)
            calls.add_application(wanted.tenant, served.sockets)
            self.routes += served.routes

    def serves(self, path: str) -> bool:
        """Tell whether a path is an application's."""
        return any(path == one or path.startswith(f"{one}/") for one in self.prefixes)

    async def close(self) -> None:
        """Let go of connections and the audit log."""
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
        return CallsApi(self._calls, Commander(rest), self._admission.admit, audit)


def _served(
    path: str,
    wanted: ApplicationSettings,
    settings: Settings,
    admission: Admission,
    credentials: CredentialStore,
) -> "Served":
    from listen_server.jambonz import Served, addresses_of  # noqa: PLC0415 - see above

    return Served(
        _application(path, wanted),
        prefix=path,
        access=_access(wanted, admission, credentials),
        addresses=addresses_of(settings),
    )


def _application(path: str, wanted: ApplicationSettings) -> "CallApplication":
    from listen_server.jambonz import CallApplication  # noqa: PLC0415 - see above

    module, _, name = wanted.application.partition(":")
    where = f'[applications."{path}"]'
    try:
        made = getattr(import_module(module), name)
    except Exception as error:
        raise ConfigError(
            f"{where} {wanted.application} cannot be imported ({error!r}): install it into the "
            "server's environment, or name its folder in PYTHONPATH"
        ) from error
    if not (isinstance(made, type) and issubclass(made, CallApplication)):
        raise ConfigError(f"{where} {wanted.application} is no subclass of CallApplication")
    return made()


def _access(
    wanted: ApplicationSettings, admission: Admission, credentials: CredentialStore
) -> "Access":
    from listen_server.jambonz import Access  # noqa: PLC0415 - see above

    secrets = [secret.get_secret_value() for secret in wanted.secrets]
    if admission.open:
        return Access(secrets=secrets)
    return Access(secrets=secrets, check=_of_tenant(wanted.tenant, credentials))


def _of_tenant(tenant: str, credentials: CredentialStore) -> Callable[[str, str], bool]:
    def check(user: str, password: str) -> bool:
        found = credentials.check(user, password)
        return found is not None and found.tenant == tenant

    return check

"""What an app serves beside streams: applications for jambonz, and the API over live calls."""

import asyncio
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from starlette.routing import BaseRoute

from listen_server.admission import Admission
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.jambonz import Access, CallApplication, Served, addresses_of
from listen_server.live.api import CallsApi
from listen_server.live.audit import CommandAudit
from listen_server.live.calls import LiveCalls
from listen_server.live.commander import Commander
from listen_server.live.config import ApplicationSettings
from listen_server.live.rest import RestApi
from listen_server.settings import Settings


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
        self._rest = {tenant: RestApi(account) for tenant, account in settings.jambonz.items()}
        self._audit = CommandAudit(settings.data_dir, list(plugins))
        api = CallsApi(calls, Commander(self._rest), admission.admit, self._audit)
        self.routes: list[BaseRoute] = [*api.routes]
        self.prefixes = tuple(path.rstrip("/") for path in settings.applications)
        for path, wanted in settings.applications.items():
            served = Served(
                _application(path, wanted),
                prefix=path.rstrip("/"),
                access=_access(wanted, admission, credentials),
                addresses=addresses_of(settings),
            )
            calls.add_application(wanted.tenant, served.sockets)
            self.routes += served.routes

    def serves(self, path: str) -> bool:
        """Tell whether a path is an application's."""
        return any(path == one or path.startswith(f"{one}/") for one in self.prefixes)

    async def close(self) -> None:
        """Let go of connections and the audit log."""
        await asyncio.gather(self._audit.close(), *(one.close() for one in self._rest.values()))


def _application(path: str, wanted: ApplicationSettings) -> CallApplication:
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
) -> Access:
    secrets = [secret.get_secret_value() for secret in wanted.secrets]
    if admission.open:
        return Access(secrets=secrets)
    return Access(secrets=secrets, check=_of_tenant(wanted.tenant, credentials))


def _of_tenant(tenant: str, credentials: CredentialStore) -> Callable[[str, str], bool]:
    def check(user: str, password: str) -> bool:
        found = credentials.check(user, password)
        return found is not None and found.tenant == tenant

    return check

"""`[applications]`: classes of others, imported and served; parts.py has their routes.

Who has none waits for no import: verbs and commands are there when they are wanted.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from listen_server.admission import Admission
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.live.config import ApplicationSettings
from listen_server.settings import Settings

if TYPE_CHECKING:
    from listen_server.jambonz import Access, CallApplication, Served


def serve_applications(
    settings: Settings, admission: Admission, credentials: CredentialStore
) -> "Mapping[str, Served]":
    """Return every application that the settings name, by path. It may take long.

    Raises ConfigError with a fault for each that cannot be served.
    """
    made: dict[str, Served] = {}
    faults: list[str] = []
    for path, wanted in settings.applications.items():
        try:
            made[path] = _served(path, wanted, settings, admission, credentials)
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(*faults)
    return made


def _served(
    path: str,
    wanted: ApplicationSettings,
    settings: Settings,
    admission: Admission,
    credentials: CredentialStore,
) -> "Served":
    from listen_server.jambonz import Served, addresses_of  # noqa: PLC0415 - see above

    made = _application(path, wanted)
    try:
        return Served(
            made,
            prefix=path,
            access=_access(wanted, admission, credentials),
            addresses=addresses_of(settings),
        )
    except TypeError as error:
        raise ConfigError(f'[applications."{path}"] {error}') from None


def _application(path: str, wanted: ApplicationSettings) -> "CallApplication":
    from listen_server.jambonz import CallApplication  # noqa: PLC0415 - see above

    module, _, name = wanted.application.partition(":")
    where = f'[applications."{path}"] {wanted.application}'
    try:
        kind = getattr(import_module(module), name)
    except Exception as error:
        raise ConfigError(
            f"{where} cannot be imported ({error!r}): install it into the server's environment, "
            "or name its folder in PYTHONPATH"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, CallApplication)):
        raise ConfigError(f"{where} is no subclass of CallApplication")
    try:
        return kind()
    except Exception as error:
        raise ConfigError(f"{where} cannot be made, without arguments ({error!r})") from error


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

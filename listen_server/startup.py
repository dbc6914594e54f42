"""What keeps a server from starting though each of its settings is sound.

Commands hand these checks to `load_settings`, so that everything is told at once.
"""

from collections.abc import Iterator
from typing import Final

from listen_server.contradictions import Check, Contradiction
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.faults import Place, nowhere
from listen_server.plugins import sink_faults
from listen_server.server.tls import Certificate
from listen_server.settings import Settings
from listen_sinks.api import SinkError


def exposure_faults(settings: Settings, _place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield how anybody could stream: without a credential that was ever made."""
    if settings.open or (settings.loopback and not settings.behind_tls_proxy):
        return  # of `open` beyond this machine contradictions.py tells
    try:
        if len(CredentialStore(settings.data_dir)):
            return
    except ConfigError as error:
        yield {"data_dir"}, str(error)
        return
    names = {"open", "host", "behind_tls_proxy", "data_dir"}
    add = "add one with `listen-server credentials add TENANT`"
    if settings.loopback:
        yield names, f"anybody could stream through the proxy without a credential: {add}"
    else:
        says = f"anybody could stream to {settings.host} without a credential: {add}"
        yield names, f"{says}, or listen on 127.0.0.1"


def certificate_faults(settings: Settings, _place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield why the certificate could not be used."""
    files = (settings.tls_cert, settings.tls_key)
    if not all(file is not None and file.is_file() for file in files):
        return  # none is wanted, or contradictions.py tells what is missing
    assert settings.tls_cert is not None  # noqa: S101 - looked at above
    assert settings.tls_key is not None  # noqa: S101
    try:
        Certificate(settings.tls_cert, settings.tls_key)
    except ConfigError as error:
        yield {"tls_cert", "tls_key"}, str(error)


def mail_faults(settings: Settings, _place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield which file of `[mail]` could not be used."""
    wanted = settings.mail
    if wanted is None:
        return
    # What speaks SMTP takes its time to import, and not everybody has a mail server.
    from listen_sinks.mail.smtp import password_of, trust_of  # noqa: PLC0415 - see above

    for read in (password_of, trust_of):
        try:
            read(wanted, settings.data_dir)
        except SinkError as error:
            yield {"mail", "data_dir"}, str(error)


def webhook_faults(settings: Settings, _place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield which webhook has nothing to sign with."""
    if not settings.webhooks:
        return
    from listen_sinks.webhook.target import secrets_of  # noqa: PLC0415 - as above

    for name, wanted in settings.webhooks.items():
        try:
            secrets_of(name, wanted, settings.data_dir)
        except SinkError as error:
            yield {"webhooks", "data_dir"}, str(error)


STARTUP: Final[tuple[Check, ...]] = (
    *(sink_faults, exposure_faults, certificate_faults),
    *(mail_faults, webhook_faults),
)

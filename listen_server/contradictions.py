"""What no setting shows alone: two that cannot both be, or one that the machine does not bear out.

settings.py asks, and tells it together with the faults of single settings.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from listen_server.faults import Place, nowhere
from listen_server.routes import faults_of
from listen_server.voicemail.config import stream_route

if TYPE_CHECKING:
    from listen_server.settings import Settings

Contradiction: TypeAlias = tuple[set[str], str]  # the settings that it is about, and a sentence
Check: TypeAlias = Callable[["Settings", Place], Iterable[Contradiction]]


def contradictions(settings: "Settings", _place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield what each setting alone does not show, after the settings that it is about."""
    for fault in faults_of(settings.routes):
        yield {"routes"}, fault
    if not settings.routes:
        yield {"routes"}, "`routes` is empty, so no call could come in: name one or leave it out"
    if settings.open and not settings.loopback:
        says = (
            f"`open` takes streams without a credential, so it needs a loopback address, not "
            f"{settings.host}: drop --open and add one with `listen-server credentials add`"
        )
        yield {"open", "host"}, says
    if settings.open and settings.behind_tls_proxy:
        says = (
            "`open` is for programs on this machine, but `behind_tls_proxy` brings others: drop "
            "--open and add a credential with `listen-server credentials add`"
        )
        yield {"open", "behind_tls_proxy"}, says
    admin = (settings.admin_host, settings.admin_port)
    if settings.port and (settings.host, settings.port) == admin:
        says = f"`port` and `admin_port` are both {settings.port}: set another `admin_port`"
        yield {"port", "admin_port", "host", "admin_host"}, says
    for pattern, route in settings.routes.items():
        if len(set(route.sinks)) < len(route.sinks):
            yield {"routes"}, f"`routes.{pattern}.sinks` names a sink twice: name it once"
    yield from _name_faults(settings)
    yield from _path_faults(settings)
    yield from _voicemail_faults(settings)
    yield from _address_faults(settings)
    yield from _tls_contradictions(settings)


def _name_faults(settings: "Settings") -> Iterator[Contradiction]:
    for name in settings.sink_names:
        if not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII):
            yield {"routes", "sinks"}, f"a sink's name is letters, digits, _ and -, not {name!r}"
    for name in settings.webhooks:
        if not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII):
            yield {"webhooks"}, f"a webhook's name is letters, digits, _ and -, not {name!r}"
    if settings.mail is not None and "mail" in settings.webhooks:
        yield {"webhooks", "mail"}, "`webhooks.mail` has the name of `[mail]`: give it another"


def _path_faults(settings: "Settings") -> Iterator[Contradiction]:
    for path in settings.applications:
        where = f'[applications."{path}"]'
        if not re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII):
            yield {"applications"}, f"{where}: its path begins with / and a name, such as /desk"
        first = path.split("/")[1:2]
        for taken in [*settings.routes, "/api"]:
            if first == taken.split("/")[1:2]:
                says = f"{where} is in the way of {taken}: give it a path with another first name"
                yield {"applications", "routes"}, says


def _voicemail_faults(settings: "Settings") -> Iterator[Contradiction]:
    wanted = settings.voicemail
    listen = stream_route(wanted, settings.routes)
    if listen is None:
        if wanted.enabled:
            says = (
                f"`voicemail.enabled`: no route has the sink {wanted.sink!r}: name it in the "
                "`sinks` of one without braces and without `record`"
            )
            yield {"voicemail", "routes"}, says
        return
    if wanted.sink not in getattr(settings.routes.get(listen), "sinks", ()):
        yield {"voicemail", "routes"}, f"`voicemail.listen`: {listen} has no sink {wanted.sink!r}"
    for taken in (*settings.routes, *settings.applications, "/api"):
        if f"{wanted.path}/".startswith(f"{taken}/") or f"{taken}/".startswith(f"{wanted.path}/"):
            yield {"voicemail"}, f"`voicemail.path` {wanted.path} is in the way of {taken}"


def _address_faults(settings: "Settings") -> Iterator[Contradiction]:
    if settings.public_audio_url and urlsplit(settings.public_audio_url).path.strip("/"):
        says = (
            "`public_audio_url` is an address without a path, such as wss://audio.example.com: "
            "the routes are added to it"
        )
        yield {"public_audio_url"}, says


def _tls_contradictions(settings: "Settings") -> Iterator[Contradiction]:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield {"tls_cert", "tls_key"}, "`tls_cert` and `tls_key` belong together: set both or none"
    for name, file in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        if file is not None and not file.is_file():
            yield {name}, f"`{name}`: there is no file {file}"
    if not settings.loopback and settings.tls_cert is None and not settings.behind_tls_proxy:
        says = (
            f"calls would cross the network unencrypted on {settings.host}: set `tls_cert` and "
            "`tls_key`, or `behind_tls_proxy = true` where a proxy in front speaks TLS"
        )
        yield {"host", "tls_cert", "behind_tls_proxy"}, says

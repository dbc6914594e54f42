"""Applications that jambonz must be told of: their addresses, and whether anybody answers there.

doctor.py shows them. A part that serves an application of its own yields what `entrance` returns,
as doctor_voicemail.py does.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from listen_codecs.formats import AudioFormat
from listen_server.app import App
from listen_server.checks import Finding, Level
from listen_server.jambonz.application import STATUS_PATH
from listen_server.pasting import PASSWORD, socket_address, web_address
from listen_server.simulator.address import Address, misreading, parse_address
from listen_server.simulator.errors import CallError, CallRefused
from listen_server.simulator.handshake import Credential
from listen_server.simulator.pipe import AudioPipe
from listen_server.simulator.target import Target, connect, tls_context

_ANSWERS: Final = 400  # of an application, to whoever does not speak ws.jambonz.org
_ASKS: Final = 401
_FORBIDS: Final = 403
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Entrance:
    """An application, as it is entered in jambonz. Nothing in it is secret."""

    name: str
    """What it is, such as `application /desk`."""
    web: str
    """Its https:// address."""
    socket: str
    """Its wss:// address."""
    authentication: str
    """What is entered beside the address: a sentence."""
    status: str
    """Its https:// address for the status of calls."""
    findings: tuple[Finding, ...] = ()
    """What a look at it came to."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a source needs to know."""

    app: App
    auth: Credential | None
    """The credential that the doctor was given, if any."""
    ca_file: Path | None = None


Source: TypeAlias = Callable[[Look], Iterator[Entrance]]


def entrances(look: Look) -> Iterator[Entrance]:
    """Yield every application that this server serves. Blocks, and knocks at their addresses."""
    for source in SOURCES:
        yield from source(look)


def applications(look: Look) -> Iterator[Entrance]:
    """Yield those of `[applications]`: that they can be imported is known, or there was no App."""
    for path, wanted in look.app.settings.applications.items():
        yield entrance(
            look,
            f"application {path} ({wanted.application})",
            path,
            tenant=wanted.tenant,
            signed=bool(wanted.secrets),
        )


SOURCES: Final[tuple[Source, ...]] = (applications,)


def entrance(
    look: Look,
    name: str,
    path: str,
    *,
    tenant: str | None,
    signed: bool = False,
    status: str | None = None,
) -> Entrance:
    """Return what is entered for an application at a path, and knock there.

    `tenant` is whose credentials let jambonz in, None for those of any; `signed` says that hooks
    must carry a `Jambonz-Signature`; `status` is where the status of calls goes, if not below it.
    """
    settings = look.app.settings
    socket = socket_address(settings, path)
    users = _users(look, tenant)
    return Entrance(
        name,
        web_address(settings, path),
        socket,
        _authentication(look, users, signed=signed),
        status or web_address(settings, path) + STATUS_PATH,
        (*_faults(look, name, tenant, users), _knock(look, name, socket, users)),
    )


def _users(look: Look, tenant: str | None) -> list[str]:
    """Return who may bring hooks, the one that the doctor was given or the newest first."""
    known = [one for one in look.app.credentials.all() if tenant in (None, one.tenant)]
    users = [one.user for one in sorted(known, key=lambda one: one.created, reverse=True)]
    given = look.auth.username if look.auth else None
    return sorted(users, key=lambda user: user != given)


def _authentication(look: Look, users: list[str], *, signed: bool) -> str:
    if look.app.admission.open:
        basic = "no user and no password: hooks of this machine alone are taken"
    elif users:
        basic = f"user {users[0]}, with the password that `credentials add` showed"
    else:
        basic = "a user and a password, of which there are none yet"
    if not signed:
        return basic
    if look.app.admission.open:
        return "no user and no password: hooks by POST must be signed with the webhook secret"
    return f"{basic}; hooks by POST must be signed with the webhook secret as well"


def _faults(look: Look, name: str, tenant: str | None, users: list[str]) -> Iterator[Finding]:
    settings = look.app.settings
    if not users and not look.app.admission.open:
        whose = f"`listen-server credentials add {tenant or 'TENANT'}` makes one"
        yield Finding("bad", f"{name}: no credential lets jambonz in; {whose}")
    proxied = settings.behind_tls_proxy or settings.trusted_proxies
    if not settings.public_web_url and (proxied or not settings.loopback):
        web = web_address(settings, "")
        says = f"{name}: {web} is a guess of how jambonz reaches it: set `public_web_url` to say it"
        yield Finding("warn", says)


def _knock(look: Look, name: str, url: str, users: list[str]) -> Finding:
    """Ask for a websocket, which the application refuses for what it speaks, and nothing else."""
    try:
        address = parse_address(url)
        if misreading(url, address):
            return Finding("warn", f"{name}: nobody has knocked at {url}, for want of a host name")
        asyncio.run(_ask(look, address, users))
    except CallRefused as error:
        return _answered(look, name, url, error.status, tried=_tried(look, users) is not None)
    except CallError as error:
        level: Level = "bad" if look.app.settings.public_web_url else "warn"
        return Finding(level, f"{name}: {error}")
    return Finding("bad", f"{name}: {url} takes any call: no application of ours answers there")


def _answered(look: Look, name: str, url: str, status: int, *, tried: bool) -> Finding:
    if status == _ANSWERS:
        return Finding("ok", f"{name}: {url} answers")
    if status == _ASKS and not tried:
        return Finding("ok", f"{name}: {url} answers, and asks for a credential")
    if status == _FORBIDS and look.app.admission.open:
        return Finding("ok", f"{name}: {url} answers, and lets nobody in without a signature")
    if status == _NOT_FOUND:
        says = "answers, but has no such application: is it the server of these settings?"
        return Finding("bad", f"{name}: {url} {says}")
    return Finding("bad", f"{name}: {url} answers with {status}")


def _tried(look: Look, users: list[str]) -> Credential | None:
    """Return the credential to knock with: the one that was given, if it is of the tenant."""
    auth = look.auth
    fits = auth is not None and auth.password != PASSWORD and auth.username in users
    return auth if fits else None


async def _ask(look: Look, address: Address, users: list[str]) -> None:
    target = Target(
        address=address,
        credential=_tried(look, users),
        tls=tls_context(ca_file=look.ca_file) if address.secure else None,
    )
    connection = await connect(target, AudioPipe(AudioFormat(8000, "mono")), lambda _message: None)
    connection.hang_up()
    await connection.ended

"""What could keep calls away, one look each. commands/doctor.py shows what they come to."""

import asyncio
import ctypes
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from listen_codecs.formats import AudioFormat
from listen_server.app import App
from listen_server.errors import ConfigError
from listen_server.run import options_of
from listen_server.server.sockets import bind
from listen_server.server.tls import Certificate
from listen_server.settings import Settings
from listen_server.simulator.address import Address, misreading, parse_address
from listen_server.simulator.errors import CallError, CallRefused
from listen_server.simulator.handshake import MAX_CREDENTIAL, Credential
from listen_server.simulator.pipe import AudioPipe
from listen_server.simulator.target import Target, connect, tls_context

Level: TypeAlias = Literal["ok", "warn", "bad"]

SOON: Final = timedelta(days=14)  # before a certificate ends
_CLOCK_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound


class Finding(NamedTuple):
    """What one look came to."""

    level: Level
    sentence: str


def look_around(app: App, settings: Settings, auth: Credential) -> Iterator[Finding]:
    """Look at everything that an application stands on. Blocks, and knocks at the public url."""
    for sink in app.sinks:
        yield _sink(app, sink)
    yield from _credentials(app, settings, auth)
    yield from _tls(settings)
    yield _disk(settings)
    yield _clock()
    yield _port(settings)
    yield _public(settings, auth)


def _sink(app: App, name: str) -> Finding:
    async def open_and_close() -> None:
        plugin = app.sinks[name].plugin
        await plugin.open()
        await plugin.close()

    if _serving(app.settings):
        return Finding("ok", f"sink {name!r}: in use by the server that is up")
    try:
        asyncio.run(open_and_close())
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        return Finding("bad", f"sink {name!r} does not open: {type(error).__name__}: {error}")
    return Finding("ok", f"sink {name!r} opens")


def _credentials(app: App, settings: Settings, auth: Credential) -> Iterator[Finding]:
    known = app.credentials.all()
    if auth.username and auth.size > MAX_CREDENTIAL:
        yield Finding(
            "bad",
            f"user:password is {auth.size} bytes long, and jambonz garbles or omits more than "
            f"{MAX_CREDENTIAL}: `listen-server credentials add` makes shorter ones",
        )
    if not known:
        yield Finding(
            "warn" if settings.loopback else "bad",
            "no credential: only programs on this machine may stream; "
            "`listen-server credentials add TENANT` makes one",
        )
    elif auth.username and app.credentials.check(auth.username, auth.password) is None:
        yield Finding(
            "bad",
            "the credential given is wrong: `listen-server credentials rotate` makes another",
        )
    else:
        tenants = sorted({credential.tenant for credential in known})
        yield Finding("ok", f"{len(known)} credential(s) for {', '.join(tenants)}")


def _tls(settings: Settings) -> Iterator[Finding]:
    if settings.tls_cert is None or settings.tls_key is None:
        how = (
            "a proxy in front speaks TLS" if settings.behind_tls_proxy else "no TLS: loopback only"
        )
        yield Finding("ok", how)
        return
    try:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
    except ConfigError as error:
        yield Finding("bad", str(error))
        return
    left = certificate.expires - datetime.now(UTC)
    level: Level = "ok"
    if left < SOON:
        level = "bad" if left < timedelta() else "warn"
    yield Finding(level, f"the certificate ends on {certificate.expires:%Y-%m-%d %H:%M} UTC")


def _disk(settings: Settings) -> Finding:
    usage = shutil.disk_usage(settings.data_dir)
    free = usage.free / usage.total
    sentence = f"{usage.free / 2**20:,.0f} MiB ({free:.0%}) free in {settings.data_dir}"
    if free < settings.min_free_disk:
        return Finding(
            "bad",
            f"{sentence}, calls are refused below {settings.min_free_disk:.0%}: make room",
        )
    probe = settings.data_dir / f".doctor.{os.getpid()}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            "bad", f"cannot write in {settings.data_dir}: {os.strerror(error.errno or 0)}"
        )
    return Finding("ok", sentence)


def _clock() -> Finding:
    try:
        adjtimex: Callable[[Any], int] = ctypes.CDLL(None, use_errno=True).adjtimex
        state = adjtimex(ctypes.create_string_buffer(256))
    except (OSError, AttributeError):
        state = -1
    if state in (-1, _CLOCK_UNSYNCHRONISED):
        return Finding(
            "warn", "nobody tells this machine the time (NTP): recordings are dated by it"
        )
    return Finding("ok", "the clock is synchronised")


def _serving(settings: Settings) -> bool:
    """Tell whether a server of ours, or anybody, has the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
        return probe.connect_ex((host, settings.port)) == 0


def _port(settings: Settings) -> Finding:
    if _serving(settings):
        return Finding("ok", f"something listens on port {settings.port}: this server, if it is up")
    try:
        for sockets in bind(options_of(settings), admin=settings.admin_port is not None):
            sockets.close()
    except ConfigError as error:
        return Finding("bad", str(error))
    return Finding("ok", f"port {settings.port} on {settings.host} is free")


def _public(settings: Settings, auth: Credential) -> Finding:
    url = public_url(settings)
    try:
        address = parse_address(url)
        if note := misreading(url, address):
            return Finding("bad", note)
        asyncio.run(_knock(address, auth))
    except CallRefused as error:
        if error.status == 401 and not auth.username:  # noqa: PLR2004 - HTTP
            return Finding("ok", f"{url} answers, and asks for a credential")
        return Finding("bad", f"{url}: {error}")
    except CallError as error:
        return Finding("bad" if _serving(settings) else "warn", f"{url}: {error}")
    return Finding("ok", f"{url} takes a call")


async def _knock(address: Address, auth: Credential) -> None:
    """Shake hands as jambonz does, and hang up."""
    target = Target(
        address=address,
        credential=auth if auth.username else None,
        tls=tls_context() if address.secure else None,
    )
    connection = await connect(target, AudioPipe(AudioFormat(8000, "mono")), lambda _message: None)
    connection.hang_up()
    await connection.ended


def public_url(settings: Settings, path: str | None = None) -> str:
    """Return the address of a route as jambonz reaches it; the first listen route by default."""
    path = path or next(iter(settings.routes), "/listen").partition("/{")[0]
    if settings.public_audio_url:
        return settings.public_audio_url.rstrip("/") + path
    scheme = "wss" if settings.tls_cert else "ws"
    host = socket.getfqdn() if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    return f"{scheme}://{host}:{settings.port}{path}"

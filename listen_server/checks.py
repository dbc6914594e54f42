"""What could keep calls away, one look each. commands/doctor.py shows what they come to."""

import asyncio
import ctypes
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from listen_codecs.formats import AudioFormat
from listen_server.app import App
from listen_server.errors import ConfigError
from listen_server.pasting import PASSWORD, is_everywhere, public_url, verb_path
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


class Finding(NamedTuple):
    """What one look came to."""

    level: Level
    sentence: str


def look_around(app: App, auth: Credential | None, ca_file: Path | None) -> Iterator[Finding]:
    """Look at everything that an application stands on. Blocks, and knocks at the public url."""
    settings = app.settings
    for sink in app.sinks:
        yield _sink(app, sink)
    yield from _credentials(app, auth)
    yield from _tls(settings)
    yield _disk(settings)
    yield _clock()
    yield _port(settings)
    yield from _public(settings, auth, ca_file)


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


def _credentials(app: App, auth: Credential | None) -> Iterator[Finding]:
    known = app.credentials.all()
    add = "`listen-server credentials add TENANT` makes one"
    if not known and not app.admission.open:
        yield Finding("bad", f"every credential is revoked, so nobody may stream: {add}")
    elif not known:
        says = f"no credential: only programs on this machine may stream; {add}"
        yield Finding("warn" if app.settings.loopback else "bad", says)
    else:
        tenants = sorted({credential.tenant for credential in known})
        yield Finding("ok", f"{len(known)} credential(s) for {', '.join(tenants)}")
    if auth is not None:
        yield from _given(app, auth)


def _given(app: App, auth: Credential) -> Iterator[Finding]:
    """Say what is wrong with the credential that was given."""
    if auth.size > MAX_CREDENTIAL:
        yield Finding(
            "bad",
            f"user:password is {auth.size} bytes long, and jambonz garbles or omits more than "
            f"{MAX_CREDENTIAL}: `listen-server credentials add` makes shorter ones",
        )
    known = {credential.user for credential in app.credentials.all()}
    if auth.username not in known:
        yield Finding(
            "bad", f"there is no credential {auth.username!r}: `listen-server credentials list`"
        )
    elif auth.password == PASSWORD:
        yield Finding("warn", "the credential was not tried: its password comes by --password")
    elif app.credentials.check(auth.username, auth.password) is None:
        yield Finding(
            "bad",
            f"the password of {auth.username} is wrong: `listen-server credentials rotate` makes "
            "another",
        )


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
    ends = "ended" if left < timedelta() else "ends"
    yield Finding(level, f"the certificate {ends} on {certificate.expires:%Y-%m-%d %H:%M} UTC")


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
    host = "127.0.0.1" if is_everywhere(settings) else settings.host
    try:
        socket.create_connection((host, settings.port), timeout=1).close()
    except OSError:
        return False
    return True


def _port(settings: Settings) -> Finding:
    if not settings.port:
        return Finding("warn", "port 0 is another one at each start, so no verb can name it")
    if _serving(settings):
        return Finding("ok", f"something listens on port {settings.port}: this server, if it is up")
    try:
        for sockets in bind(options_of(settings), admin=settings.admin_port is not None):
            sockets.close()
    except ConfigError as error:
        return Finding("bad", str(error))
    return Finding("ok", f"port {settings.port} on {settings.host} is free")


def _public(settings: Settings, auth: Credential | None, ca_file: Path | None) -> Iterator[Finding]:
    url = public_url(settings, verb_path(settings) or "/")
    proxied = settings.behind_tls_proxy or settings.trusted_proxies
    if not settings.public_audio_url and (proxied or not settings.loopback):
        says = "is a guess of how jambonz reaches this server: set `public_audio_url` to say it"
        yield Finding("warn", f"{url} {says}")
    try:
        address = parse_address(url)
        if note := misreading(url, address):
            told = note.removesuffix(", and so does this call")
            yield Finding("bad", f"{told}: set `public_audio_url` to one that it can read")
            return
        asyncio.run(_knock(address, auth, ca_file))
    except CallRefused as error:
        if error.status == HTTPStatus.UNAUTHORIZED and not _tried(auth):
            yield Finding("ok", f"{url} answers, and asks for a credential")
        else:
            yield Finding("bad", _without_options(f"{url}: {error}"))
    except CallError as error:
        away = not settings.public_audio_url and not _serving(settings)
        yield Finding("warn" if away else "bad", _without_options(f"{url}: {error}"))
    else:
        yield Finding("ok", f"{url} takes a call")


def _without_options(sentence: str) -> str:
    """Name the setting where `call`, whose sentence it is, names its options."""
    sentence = sentence.replace(", or look away with --insecure", "")
    return sentence.replace("--url", "`public_audio_url`")


def _tried(auth: Credential | None) -> bool:
    return auth is not None and auth.password != PASSWORD


async def _knock(address: Address, auth: Credential | None, ca_file: Path | None) -> None:
    """Shake hands as jambonz does, and hang up."""
    target = Target(
        address=address,
        credential=auth if _tried(auth) else None,
        tls=tls_context(ca_file=ca_file) if address.secure else None,
    )
    connection = await connect(target, AudioPipe(AudioFormat(8000, "mono")), lambda _message: None)
    connection.hang_up()
    await connection.ended

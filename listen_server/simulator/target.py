"""Which server a call goes to, and getting through to it. live.py calls `connect` first."""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from listen_server.simulator.address import Address
from listen_server.simulator.client import Connection, MessageTaker
from listen_server.simulator.errors import CallError
from listen_server.simulator.handshake import Credential
from listen_server.simulator.pipe import AudioPipe

DEFAULT_SUBPROTOCOL: Final = "audio.jambonz.org"
HANDSHAKE_SECONDS: Final = 10.0  # jambonz gives up so long after the upgrade request


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server, and what is shown to it. One serves any number of calls."""

    address: Address
    subprotocol: str = DEFAULT_SUBPROTOCOL
    credential: Credential | None = None
    tls: ssl.SSLContext | None = None  # needed for a secure address: see `tls_context`
    send_buffer: int | None = None  # bytes that the kernel holds; None: as many as it likes


def tls_context(*, ca_file: Path | None = None, insecure: bool = False) -> ssl.SSLContext:
    """Return what a certificate is checked by: the system's CAs, or this file's alone.

    `insecure` is jambonz's MOD_AUDIO_FORK_ALLOW_SELFSIGNED with no host name checked either.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise CallError(f"{ca_file} holds no certificates", "give a PEM file") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CallError(f"{ca_file} cannot be read ({why})", "give a PEM file") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(target: Target, pipe: AudioPipe, on_message: MessageTaker) -> Connection:
    """Return a connection with its upgrade accepted. Raises CallError, and never tries twice."""
    connection = Connection(target.address, target.subprotocol, pipe, on_message)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await _open(target, connection)
    except TimeoutError:
        raise CallError(
            f"{_where(target)} does not answer", "is the address right, and no firewall between?"
        ) from None
    except (OSError, UnicodeError) as error:
        raise _unreachable(target, error) from None
    connection.request(target.credential)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await connection.answered
    except TimeoutError:
        connection.abort("fin")
        raise CallError(
            f"the server left the upgrade unanswered for {HANDSHAKE_SECONDS:g} s",
            "jambonz waits no longer either",
        ) from None
    except CallError:
        await connection.ended
        raise
    return connection


async def _open(target: Target, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    address = target.address
    transport, _ = await loop.create_connection(
        lambda: connection,
        address.host,
        address.port,
        ssl=target.tls if address.secure else None,
        ssl_shutdown_timeout=1.0 if address.secure else None,
    )
    if target.send_buffer is not None:
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, target.send_buffer)


def _unreachable(target: Target, error: OSError | UnicodeError) -> CallError:
    """Return the sentence for each way in which a connection does not come about."""
    where = _where(target)
    match error:
        case ssl.SSLCertVerificationError():
            return CallError(
                f"the certificate of {where} is not trusted: {error.verify_message}",
                "jambonz refuses it too; give its CA with --ca-file, or look away with --insecure",
            )
        case ssl.SSLError():
            return CallError(
                f"{where} does not speak TLS as expected: {error.reason}", "is it ws, not wss?"
            )
        case socket.gaierror() | UnicodeError():
            return CallError(f"the host {target.address.host!r} is not known", "check --url")
        case ConnectionRefusedError():
            return CallError(f"nothing listens on {where}", "is the server running?")
        case _:
            return CallError(f"{where} cannot be reached: {error.strerror or error}")


def _where(target: Target) -> str:
    return f"{target.address.host} port {target.address.port}"

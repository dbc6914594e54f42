"""Listening sockets, bound before anything else runs, so that a fault is one sentence.

serving.py listens on them; workers.py gives each of its processes some.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from listen_server.errors import ConfigError
from listen_server.server.options import ServerOptions

_BACKLOG = 2048  # connections that wait to be accepted; the system's somaxconn may be lower


@dataclass(frozen=True, slots=True)
class Sockets:
    """What one process listens on."""

    audio: list[socket.socket]
    admin: list[socket.socket]
    ready: Connection | None = None
    """Of a worker: where its parent hears that calls are answered."""

    def tell_ready(self) -> None:
        """Say so, once; a parent that is gone hears nothing."""
        if self.ready is not None:
            with suppress(OSError):
                self.ready.send_bytes(b"ready")
            self.ready.close()

    def close(self) -> None:
        """Let go of the ports; another process may still hold them."""
        for one in (*self.audio, *self.admin):
            one.close()


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a server can be reached."""

    host: str
    port: int
    admin_port: int | None


def bind(options: ServerOptions, *, admin: bool) -> list[Sockets]:
    """Bind the ports for each worker; the first that is not free is a ConfigError.

    With several workers each has an audio socket of its own (SO_REUSEPORT), over which Linux
    spreads connections evenly by their addresses; on one shared socket the worker that wakes
    first takes them (measured: up to 1.7 times its share). The parent keeps all of them, so
    calls that arrive while a worker is restarted wait instead of being reset.
    """
    with ExitStack() as undo:
        faults: list[str] = []
        audio = _bind_port(options.host, options.port, "", undo, faults)
        behind: list[socket.socket] = []
        if admin:
            behind = _bind_port(options.admin_host, options.admin_port, "admin-", undo, faults)
        shares = [audio]
        if options.workers > 1 and not faults:
            shares = _share(audio, options, undo, faults)
        if faults:
            raise ConfigError(*faults)
        undo.pop_all()
    return [Sockets(share, behind) for share in shares]


def bound(sockets: Sockets, options: ServerOptions) -> Bound:
    """Tell which ports the sockets got."""
    admin = sockets.admin[0].getsockname()[1] if sockets.admin else None
    return Bound(options.host, sockets.audio[0].getsockname()[1], admin)


def _share(
    audio: list[socket.socket], options: ServerOptions, undo: ExitStack, faults: list[str]
) -> list[list[socket.socket]]:
    """Bind once more per worker. The first bind was not shared: it showed the port to be free."""
    port = audio[0].getsockname()[1]
    for one in audio:
        one.close()
    return [
        _bind_port(options.host, port, "", undo, faults, shared=True)
        for _ in range(options.workers)
    ]


def _bind_port(
    host: str, port: int, option: str, undo: ExitStack, faults: list[str], *, shared: bool = False
) -> list[socket.socket]:
    """Listen on every address that `host` has; port 0 is one free port for all of them."""
    found: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            # asyncio sets TCP_NODELAY where it knows that a socket is TCP
            tcp = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            one = undo.enter_context(tcp)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
            chosen = found[0].getsockname()[1] if found else port
            one.bind((address[0], chosen, *address[2:]))
            one.listen(_BACKLOG)
            found.append(one)
    except OSError as error:
        faults.append(_sentence(error, host, port, option))
    return found


def _addresses(host: str, port: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, _, _, _, address in dict.fromkeys(found):
        yield family, address


def _sentence(error: OSError, host: str, port: int, option: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"the host {host!r} has no address: give one of this machine with --{option}host"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use: stop what listens there, or choose another "
            f"with --{option}port (0 takes a free one)"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges: choose one above 1023 with --{option}port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: give one that is with --{option}host"
    return f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}"

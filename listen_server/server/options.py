"""What `serving.py` is told, once, at start. The settings make it; nothing here reads them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Ports, certificate, limits and deadlines of one server. Times are in seconds."""

    host: str = "127.0.0.1"
    """Name or address of the audio port; `::` is every address, IPv4 and IPv6."""
    port: int = 8080
    """0 takes a free port; `Bound` tells which."""
    admin_host: str = "127.0.0.1"
    admin_port: int = 9090

    tls_cert: Path | None = None
    """PEM file: the certificate and its chain. Read again when it changes, as is the key."""
    tls_key: Path | None = None
    tls_check_interval: float = 10.0

    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    handshake_timeout: float = 10.0
    """From the first byte, or from none at all, to a whole TLS handshake and request head."""
    max_message_bytes: int = 2 * 1024 * 1024
    ping_interval: float | None = 20.0
    ping_timeout: float | None = 20.0
    fast_receive: bool = True
    """False gives uvicorn's own websocket class: slower, and bad UTF-8 ends a call."""

    drain_deadline: float = 3600.0
    """How long live calls may go on after SIGTERM."""
    finish_timeout: float = 30.0
    """How long peers have to answer the close, and the application for its last words."""

    workers: int = 1
    """Processes that share the audio port; more than one needs Linux, which spreads calls."""

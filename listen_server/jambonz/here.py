"""Whether a request comes from a program on this machine. Those ask who ask for no credential.

A proxy here brings others, and so does a web page that is open here: also one whose name leads to
this machine ("DNS rebinding"), which a browser takes for the page's own server.
"""

import ipaddress
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

_FORWARDED: Final = (f"x-forwarded-{what}" for what in ("for", "host", "proto"))
_BROWSER: Final = ("origin", "referer", "sec-fetch-site")  # a GET has no `Origin`
_OTHERS: Final = frozenset(("forwarded", "via", "x-real-ip", *_FORWARDED, *_BROWSER))
"""What proxies and browsers add; jambonz sends none of them."""


def is_local(connection: HTTPConnection) -> bool:
    """Tell whether a program on this machine asks this machine."""
    return from_this_machine(connection) and to_this_machine(connection)


def from_this_machine(connection: HTTPConnection) -> bool:
    """Tell whether it comes from here, and not through a proxy or from a web page that is here."""
    if connection.client is None or _OTHERS & set(connection.headers.keys()):
        return False
    return _is_loopback(connection.client.host)


def to_this_machine(connection: HTTPConnection, names: Collection[str] = ()) -> bool:
    """Tell whether it was meant for this machine, by its own names or one of these.

    Browsers always say `Host`, so a request without it has no web page behind it.
    """
    if (header := connection.headers.get("host")) is None:
        return True
    host = _host(f"//{header}")
    return host == "localhost" or _is_loopback(host) or host in names


def names_in(url: str | None) -> tuple[str, ...]:
    """Return the name of the host of an address, if there is one."""
    return (host,) if url and (host := _host(url)) else ()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Where a url leads when jambonz reads it. handshake.py asks there for a websocket.

jambonz's media server has a parser of its own (`parse_ws_uri` in lws_glue.cpp of
jambonz/freeswitch-modules), which sees a port only directly after the host. Its reading is
kept here with its mistakes, because servers meet their consequences.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from listen_server.simulator.errors import CallError

_SCHEMES: Final = {"wss": (True, 443), "https": (True, 443), "ws": (False, 80), "http": (False, 80)}
_MAX_PORT: Final = 65535
# Searched, not matched: what stands before the first fit is ignored, as it is over there.
_HOST_PORT_PATH: Final = re.compile(r"([^/:]+):?([0-9]*)?(/.*)?\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A websocket server as the media server sees it."""

    secure: bool
    host: str
    port: int
    path: str  # with the query, every byte as it stood in the url


def parse_address(url: str) -> Address:
    """Read a url as `parse_ws_uri` does: schemes in all lower or all upper case only.

    Raises CallError where jambonz would not even try.
    """
    scheme, separator, rest = url.partition("://")
    known = _SCHEMES.get(scheme.lower()) if scheme in {scheme.lower(), scheme.upper()} else None
    if not separator or known is None:
        raise CallError(
            f"the url {url!r} has no scheme known to jambonz", "start it with ws or wss"
        )
    found = _HOST_PORT_PATH.search(rest)
    if found is None:
        raise CallError(f"the url {url!r} has no host", "write it like ws://127.0.0.1:3000/listen")
    host, digits, path = found.groups()
    port = int(digits) if digits else known[1]
    if port > _MAX_PORT:
        raise CallError(f"the url {url!r} names port {port}", f"there are {_MAX_PORT} of them")
    return Address(known[0], host, port, path or "/")


def misreading(url: str, address: Address) -> str | None:
    """Return a sentence if others would read this url differently, None if all agree."""
    try:
        usual = urlsplit(url)
        same = (usual.hostname, usual.port or address.port) == (address.host.lower(), address.port)
    except ValueError:
        same = False
    if same and not re.search(r":\d+\Z", address.path):
        return None
    where = f"host {address.host!r}, port {address.port}, path {address.path!r}"
    return f"jambonz reads this url as {where}, and so does this call"

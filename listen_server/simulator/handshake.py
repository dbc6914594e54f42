r"""The upgrade request of jambonz's media server, byte for byte. client.py sends it.

Header order, names in lower case and what is absent (a port in `Host`, `User-Agent`,
`Sec-WebSocket-Extensions`) were observed with jambonz's AudioPipe (jambonz/freeswitch-modules,
mod_audio_fork) on libwebsockets 4.1.6:

    GET /listen HTTP/1.1\r\n
    Pragma: no-cache\r\n
    Cache-Control: no-cache\r\n
    Host: example.org\r\n
    Origin: http://example.org\r\n
    Upgrade: websocket\r\n
    Connection: Upgrade\r\n
    Sec-WebSocket-Key: ...\r\n
    Sec-WebSocket-Protocol: audio.jambonz.org\r\n
    Sec-WebSocket-Version: 13\r\n
    authorization: Basic ...\r\n
    \r\n
"""

import base64
from dataclasses import dataclass, field
from typing import Final

from listen_server.simulator.address import Address

MAX_CREDENTIAL: Final = 90  # bytes of "user:password" that fit jambonz's buffer of 128


@dataclass(frozen=True, slots=True)
class Credential:
    """The verb's `wsAuth`. jambonz sends it unasked, and only if both parts have a byte."""

    username: str
    password: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of "user:password", of which jambonz's client takes 90 at most."""
        return len(self._joined)

    def header(self) -> bytes | None:
        """Return the header's value, None if jambonz leaves the header out.

        Up to 90 bytes are right. At 91 the encoder of `dch_lws_http_basic_auth_gen` runs out
        of room after 120 characters and leaves one byte of the stack behind them, which is
        chance there and `?` here. From 92 on there is no header.
        """
        if not self.username or not self.password or self.size > MAX_CREDENTIAL + 1:
            return None
        encoded = base64.b64encode(self._joined[:MAX_CREDENTIAL])
        return b"Basic " + encoded + (b"?" if self.size > MAX_CREDENTIAL else b"")

    @property
    def _joined(self) -> bytes:
        return f"{self.username}:{self.password}".encode()


def upgrade_request(
    address: Address, key: str, subprotocol: str, credential: Credential | None
) -> bytes:
    """Return the request; the origin is http even where the connection is encrypted."""
    lines = [
        f"GET {address.path} HTTP/1.1".encode(),
        b"Pragma: no-cache",
        b"Cache-Control: no-cache",
        f"Host: {address.host}".encode(),
        f"Origin: http://{address.host}".encode(),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}".encode(),
        f"Sec-WebSocket-Protocol: {subprotocol}".encode(),
        b"Sec-WebSocket-Version: 13",
    ]
    if credential is not None and (value := credential.header()) is not None:
        lines.append(b"authorization: " + value)
    return b"\r\n".join([*lines, b"", b""])

"""Ports on which nothing listens yet, or for a while: nobody else gets them meanwhile.

A socket that is bound and does not listen refuses connections, and is no hindrance to a server
that sets SO_REUSEADDR, as servers do (socket(7)).
"""

import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


def _hold() -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


@contextmanager
def held_port() -> Iterator[int]:
    """Give a port that nobody else gets until the block ends."""
    with _hold() as held:
        port: int = held.getsockname()[1]
        yield port


def port_of(owner: object) -> int:
    """Return a port that nobody else gets for as long as its owner lives."""
    held = _hold()
    weakref.finalize(owner, held.close)
    port: int = held.getsockname()[1]
    return port

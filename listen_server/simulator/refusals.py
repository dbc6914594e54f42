"""What a server said instead of 101, in words for a person. client.py hands its bytes in."""

import re
from typing import Final

from listen_server.simulator.errors import CallError, CallRefused

HEAD: Final = 1000  # bytes of an answer that are looked at
_OLD: Final = re.compile(rb"HTTP/1\.0 (\d{3})([^\r\n]*)")


def first_line(body: bytes | bytearray) -> str:
    """Return what a server says about a refusal, short and printable."""
    lines = bytes(body[:HEAD]).decode(errors="replace").split("\n")
    return "".join(character for character in lines[0] if character.isprintable()).strip()[:200]


def no_answer(head: bytes | bytearray, *, credential: bool) -> CallError:
    """Tell why there is no answer to the upgrade, by what came instead of one."""
    if old := _OLD.match(head):
        refused = CallRefused(int(old[1]), first_line(old[2]), "", credential=credential)
        refused.hint = refused.hint or (
            "it speaks HTTP/1.0, which has no websockets: does another server listen there?"
        )
        return refused
    if head:
        return CallError(
            "what answers is no web server", "does something else listen there, or TLS (wss)?"
        )
    return CallError(
        "the connection ended before the upgrade was answered",
        "does a websocket server listen there, and is it ws and not wss, or the reverse?",
    )

"""The application websocket, as values: what jambonz says, and the `ack`. This room does no IO.

sockets.py feeds it. Types and which of them want an ack: jambonz-feature-server,
lib/utils/ws-requestor.js.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from listen_server.errors import PeerError
from listen_server.jambonz.commands import MAX_MESSAGE
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import read_json
from listen_server.jambonz.verbs import encode

MAX_TEXT: Final = 1024 * 1024  # characters; a session:new has a few thousand
MAX_VERBS: Final = MAX_MESSAGE - 512  # bytes; what is left of a message is for the ack around them
WANTS_VERBS: Final = frozenset({"session:new", "session:redirect", "verb:hook", "dial:confirm"})
WANTS_ACK: Final = WANTS_VERBS | {"session:reconnect", "session:adulting", "queue:status"}
_SESSION: Final = frozenset({"session:new", "session:reconnect", "session:adulting"})
_ID: Final = re.compile(r"[!#-\[\]-~]{1,128}")  # printable, nothing that JSON escapes


class NotText(PeerError):  # noqa: N818 - the name is the fault
    """A binary message, where only text belongs."""

    close_code = 1003


class TooLong(PeerError):  # noqa: N818 - the name is the fault
    """A message larger than any that jambonz sends."""

    close_code = 1009


class NotUnderstood(PeerError):  # noqa: N818 - the name is the fault
    """A message that is not JSON, or not of jambonz's shape."""

    close_code = 1007


class Silent(PeerError):  # noqa: N818 - the name is the fault
    """A socket that has said nothing."""

    close_code = 1008


class Elsewhere(PeerError):  # noqa: N818 - as above, but that nobody is at fault
    """A call that is new, on a server that takes none any more: jambonz tries again."""

    close_code = 1012


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that jambonz says."""

    type: str
    msgid: str
    call_sid: str
    """The call; empty where a message is about none."""
    data: Mapping[str, Any] = field(repr=False)
    hook: str = ""
    """Address of the hook, as the application gave it."""

    @property
    def wants_ack(self) -> bool:
        """Whether jambonz waits for an ack, 5 s."""
        return self.type in WANTS_ACK

    @property
    def opens(self) -> bool:
        """Whether the socket becomes the call's own with it."""
        return self.type in _SESSION

    @property
    def about_call(self) -> dict[str, Any]:
        """The data, with the sid of the call in it."""
        if "call_sid" in self.data or "callSid" in self.data:
            return dict(self.data)
        return {**self.data, "call_sid": self.call_sid}


def read_message(text: str) -> Message:
    """Read what jambonz says. Raises PeerError; types that we do not know are read as well."""
    if len(text) > MAX_TEXT:
        raise TooLong(f"received a text of {len(text)} characters, over the limit of {MAX_TEXT}")
    try:
        given = read_json(text)
    except Refused as error:
        raise NotUnderstood(str(error)) from None
    kind, msgid, hook = given.get("type"), given.get("msgid", ""), given.get("hook", "")
    data = given.get("data") or {}
    sid = given.get("call_sid") or (data.get("call_sid", "") if isinstance(data, dict) else "")
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise NotUnderstood("a message has a `type`, and an object for its `data`")
    if not all(isinstance(one, str) for one in (msgid, hook, sid)):
        raise NotUnderstood("`msgid`, `hook` and `call_sid` are texts")
    if kind in WANTS_ACK and not (_ID.fullmatch(msgid) and sid):
        raise NotUnderstood(f"{kind} has a `msgid` and a `call_sid`")
    return Message(kind, msgid, sid, data, hook)


def write_ack(msgid: str, verbs: bytes | None = None) -> bytes:
    """Return the ack of a message, with verbs that are JSON already."""
    head = encode({"type": "ack", "msgid": msgid})
    return head if verbs is None else head[:-1] + b',"data":' + verbs + b"}"


def write_verbs(verbs: bytes) -> bytes:
    """Return verbs that fit into an ack. Raises Refused for more than jambonz takes."""
    if len(verbs) > MAX_VERBS:
        raise Refused(
            f"the verbs have {len(verbs)} bytes, but jambonz takes {MAX_VERBS} of them in one "
            "message; a redirect brings more"
        )
    return verbs

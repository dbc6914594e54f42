"""What an application tells jambonz in the midst of a call; sockets.py sends it.

The ten commands of the reference are checked. What jambonz knows beside them
(lib/session/call-session.js, `_onCommand`) is passed on as it is. jambonz acknowledges none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from listen_server.faults import meant
from listen_server.jambonz.command_data import COMMANDS
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import NOWHERE, Addresses, Headers
from listen_server.jambonz.verbs import Application, Dub, Verb, encode

MAX_MESSAGE: Final = 24 * 1024  # bytes; jambonz closes the socket over more (ws-requestor.js)
PASSED_ON: Final = (
    "boostAudioSignal",
    "conf:participant-action",
    "config",
    "dial",
    "dtmf",
    "llm:tool-output",
    "llm:update",
    "media:path",
    "transcribe:status",
    "tts:clear",
    "tts:flush",
    "tts:tokens",
)
"""Commands that jambonz knows and the reference does not: sent as they are."""
_WITHOUT_DATA: Final = ("llm:tool-output", "tts:flush", "tts:clear")
Verbs: TypeAlias = Iterable[Verb | Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command, checked. Made by the functions below, or read from JSON."""

    command: str
    data: Any = field(repr=False)
    queue: bool = False
    """Whether it waits for earlier commands; without it, it interrupts them."""
    call_sid: str | None = None
    """The leg that it is for; the session's own without it."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def not_checked(self) -> tuple[str, ...]:
        """What of its verbs is passed on unchecked; see `Application.passed_through`."""
        return self.data.passed_through if isinstance(self.data, Application) else ()

    def write(self, addresses: Addresses = NOWHERE) -> dict[str, Any]:
        """Return the message, as JSON values."""
        message: dict[str, Any] = {"type": "command", "command": self.command}
        if self.queue:
            message["queueCommand"] = True
        if self.call_sid is not None:
            message["callSid"] = self.call_sid
        message |= self.extra
        if self.data is not None:
            data = self.data.write(addresses) if isinstance(self.data, Application) else self.data
            message["data"] = data
        return message

    def encode(self, addresses: Addresses = NOWHERE) -> bytes:
        """Return the message, as JSON. Raises Refused if jambonz would not take its size."""
        return within_limit(encode(self.write(addresses)), self.command)


def within_limit(message: bytes, what: str) -> bytes:
    """Return a message that jambonz takes. Raises Refused for a larger one."""
    if len(message) > MAX_MESSAGE:
        raise Refused(
            f"{what} has {len(message)} bytes, but jambonz takes {MAX_MESSAGE} in one message"
        )
    return message


def redirect(verbs: Verbs, *, queue: bool = False, call_sid: str | None = None) -> Command:
    """Execute an application: now, or after what there is."""
    return Command("redirect", Application(verbs), queue, call_sid)


def call_status(status: Literal["completed", "no-answer"]) -> Command:
    """End the call."""
    return _made("call:status", {"call_status": status})


def mute_status(status: Literal["mute", "unmute"], *, call_sid: str | None = None) -> Command:
    """Mute the call, in a dial or a conference."""
    return _made("mute:status", {"mute_status": status}, call_sid=call_sid)


def conf_mute_status(status: Literal["mute", "unmute"]) -> Command:
    """Mute everybody in the conference but its moderators."""
    return _made("conf:mute-status", {"conf_mute_status": status})


def conf_hold_status(status: Literal["hold", "unhold"], *, wait_hook: str | None = None) -> Command:
    """Hold one leg of the conference."""
    hook = {"wait_hook": wait_hook} if wait_hook is not None else {}
    return _made("conf:hold-status", {"conf_hold_status": status, **hook})


def listen_status(status: Literal["pause", "resume"]) -> Command:
    """Pause the stream of the current listen or dial. jambonz tells the stream's server nothing."""
    return _made("listen:status", {"listen_status": status})


def record(action: str, **options: Any) -> Command:
    """Start, stop, pause or resume a recording by jambonz; options as in `config.record`."""
    return _made("record", {"action": action, **options})


def whisper(verbs: Verbs, *, call_sid: str | None = None) -> Command:
    """Say or play something to one party of a dial."""
    said = Application(verbs, place="whisper")
    return _made("whisper", {"whisper": list(said.verbs)}, call_sid=call_sid)


def sip_request(
    method: Literal["INFO", "NOTIFY", "MESSAGE"],
    *,
    content_type: str | None = None,
    content: str | None = None,
    headers: Headers | None = None,
    call_sid: str | None = None,
) -> Command:
    """Send a SIP request to the other end."""
    given = {"content_type": content_type, "content": content, "headers": headers}
    data = {"method": method, **{key: value for key, value in given.items() if value is not None}}
    return _made("sip:request", data, call_sid=call_sid)


def dub(track: Dub, *, call_sid: str | None = None) -> Command:
    """Add, remove or use a track under the call."""
    return _made("dub", track.write_nested(), call_sid=call_sid)


def read_command(given: object) -> Command:
    """Read a command, as the reference has it or as jambonz takes it. Raises Refused."""
    if not isinstance(given, Mapping):
        raise Refused("a command is an object")
    name = given.get("command")
    if given.get("type", "command") != "command" or not isinstance(name, str):
        raise Refused("a command has the `type` command, and a `command`")
    if not isinstance(queue := given.get("queueCommand", False), bool):
        raise Refused("`queueCommand` must be true or false")
    if not isinstance(sid := given.get("callSid"), str | None):
        raise Refused("`callSid` must be a text")
    extra = {key: given[key] for key in ("tool_call_id",) if key in given}
    if "data" not in given and name not in _WITHOUT_DATA:
        raise Refused(f"`data` of {name} is required")
    return _made(name, given.get("data"), queue=queue, call_sid=sid, extra=extra)


def _made(
    name: str,
    data: Any,
    *,
    queue: bool = False,
    call_sid: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Command:
    if (read := COMMANDS.get(name)) is not None:
        data = read(name, data)
    elif name not in PASSED_ON:
        hint = meant(name, [*COMMANDS, *PASSED_ON])
        raise Refused(f"jambonz knows no such command{': ' + hint if hint else ''}")
    return Command(name.replace("stream:", "listen:"), data, queue, call_sid, extra or {})

"""The first text of a stream: who calls whom, and what the verb added. script.py puts it first.

Keys and their order are those of `CallInfo.toJSON` and `TaskListen._startListening` in
jambonz/jambonz-feature-server 0.9.8 (lib/session/call-info.js, lib/tasks/listen.js).
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from listen_codecs.formats import AudioFormat

Kind: TypeAlias = Literal["listen", "dial", "record", "conference"]
"""Who started the stream: the listen verb, one nested in dial, jambonz's own recorder, or a
conference, whose first text is the user's metadata alone."""

KINDS: Final[tuple[Kind, ...]] = ("listen", "dial", "record", "conference")
MAX_OPENING: Final = 8192  # bytes: MAX_METADATA_LEN of mod_audio_fork, cut without mercy


def call_attributes(audio_format: AudioFormat, kind: Kind = "listen") -> dict[str, Any]:
    """Return what jambonz says of a call of this kind: fresh ids, made-up numbers."""
    if kind == "conference":
        return {}
    opening = {"sampleRate": audio_format.sample_rate, "mixType": audio_format.mix}
    return opening | (_child_leg() if kind == "dial" else _call(kind))


def opening_text(
    attributes: Mapping[str, Any], metadata: Mapping[str, Any], *, prefix: str = ""
) -> bytes | None:
    """Return the first text frame: metadata flattened on top, where it may lie about the rest.

    Cut at 8192 bytes as the media server cuts it, even inside a character. None if both are
    empty, because then jambonz sends no text at all. `prefix` is the name of the media bug,
    which some versions put before the JSON.
    """
    merged = {**attributes, **metadata}
    if not merged:
        return None
    text = json.dumps(merged, separators=(",", ":"), ensure_ascii=False)
    return f"{prefix} {text}".lstrip().encode(errors="replace")[:MAX_OPENING]


def _call(kind: Kind) -> dict[str, Any]:
    customer = {} if kind == "record" else {"customerData": {"example": True}}
    return {
        "callSid": _sid(),
        "direction": "inbound",
        "from": _number(),
        "to": _number(),
        "callId": _sid(),
        "sbcCallid": _sid(),
        "sipStatus": 200,
        "sipReason": "OK",
        "callStatus": "in-progress",
        "accountSid": _sid(),
        "traceId": secrets.token_hex(16),
        "applicationSid": _sid(),
        "fsSipAddress": "192.0.2.5:5060",
        "originatingSipIp": "192.0.2.10:5060",
        "originatingSipTrunkName": "example-trunk",
        **customer,
        "apiBaseUrl": "http://192.0.2.9/v1",
        "fsPublicIp": "198.51.100.7",
    }


def _child_leg() -> dict[str, Any]:
    """Return the raw fields of the called leg, as they come when listen is nested in dial."""
    caller = _number()
    return {
        "direction": "outbound",
        "traceId": secrets.token_hex(16),
        "hasRecording": False,
        "callerName": "Example Caller",
        "callSid": _sid(),
        "parentCallSid": _sid(),
        "accountSid": _sid(),
        "applicationSid": _sid(),
        "from": caller,
        "to": _number(),
        "callerId": caller,
        "callId": _sid(),
        "callStatus": "in-progress",
        "sipStatus": 200,
        "sipReason": "OK",
        "localSipAddress": "192.0.2.5:5060",
        "publicIp": "198.51.100.7",
        "_customerData": {"example": True},
    }


def _sid() -> str:
    return str(uuid.uuid4())


def _number() -> str:
    return f"+155555501{secrets.randbelow(100):02d}"  # 555-0100 to 0199 belong to nobody

"""A change of a call that comes through the REST API: what is none, and what it does.

rest.py is the API; commanding.py does what commands over a websocket do as well.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from listen_server.jambonz.model import Webhook
from listen_server.jambonz.verbs import Dial
from listen_server.simulator.platform.adulting import grow_up
from listen_server.simulator.platform.commanding import obey
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.transport import Hook

Answer: TypeAlias = tuple[int, Any]
_ACCEPTED: Final[Answer] = (HTTPStatus.ACCEPTED, None)
_KINDS: Final = (
    "call_hook",
    "child_call_hook",
    "call_status",
    "listen_status",
    "transcribe_status",
    "conf_hold_status",
    "conf_mute_status",
    "mute_status",
    "sip_request",
    "record",
    "tag",
    "dtmf",
    "conferenceParticipantAction",
    "dub",
    "boostAudioSignal",
    "media_path",
)
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "call_status": ("completed", "no-answer"),
    "listen_status": ("pause", "silence", "resume"),
    "mute_status": ("mute", "unmute"),
    "conf_hold_status": ("hold", "unhold"),
    "conf_mute_status": ("mute", "unmute"),
    "media_path": ("no-media", "partial-media", "full-media"),
}
_COMMANDS: Final[Mapping[str, str]] = {
    "listen_status": "listen:status",
    "transcribe_status": "transcribe:status",
    "mute_status": "mute:status",
    "conf_hold_status": "conf:hold-status",
    "conf_mute_status": "conf:mute-status",
    "sip_request": "sip:request",
    "dtmf": "dtmf",
    "record": "record",
    "conferenceParticipantAction": "conf:participant-action",
    "dub": "dub",
    "boostAudioSignal": "boostAudioSignal",
    "media_path": "media:path",
}
"""The command that does the same, in the order in which the platform looks for them."""
_INSIDE: Final = ("record", "dub", "conferenceParticipantAction")  # whose data is one property


def check_update(change: Any) -> None:
    """Raise Refusal for what the API does not take."""
    if not isinstance(change, dict):
        raise Refusal("update", "no valid options supplied to updateCall")
    given = [kind for kind in _KINDS if change.get(kind)]
    if not given and not change.get("whisper"):
        raise Refusal("update", "no valid options supplied to updateCall")
    if len(given) > 1 and given != ["call_hook", "child_call_hook"]:
        raise Refusal("update", "multiple options are not allowed in updateCall")
    for kind, values in _VALUES.items():
        if change.get(kind) and change[kind] not in values:
            raise Refusal("update", f"invalid {kind}")
    for kind, is_right in _PARTS.items():
        if change.get(kind) and not (isinstance(change[kind], dict) and is_right(change[kind])):
            raise Refusal("update", _MISSING[kind])
    _hook(change.get("call_hook"))
    _hook(change.get("child_call_hook"))
    if change.get("call_status_hook") and not change.get("call_hook"):
        raise Refusal("update", "call_status_hook can be updated only with call_hook")


def _is_whole_record(record: Mapping[str, Any]) -> bool:
    server = record.get("siprecServerURL") or record.get("type") == "cloud"
    return bool(record.get("action") and server)


_PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "sip_request": lambda it: all(it.get(one) for one in ("method", "content_type", "content")),
    "record": _is_whole_record,
    "dtmf": lambda it: bool(it.get("digit")),
    "tag": lambda _: True,
}
_MISSING: Final = {
    "sip_request": "sip_request requires method, content_type and content properties",
    "record": "record requires action and siprecServerURL properties",
    "dtmf": "invalid dtmf",
    "tag": "invalid tag data",
}


async def update(session: Session, change: Mapping[str, Any], call_sid: str) -> Answer:
    """Change a call; the answer is what the API answers."""
    status = change.get("call_status")
    session.write("REST", f"updates the call: {', '.join(change)}")
    is_answered = session.answered is not None
    if status and is_answered != (status == "completed"):
        refusal = Refusal("update state", "current call state is incompatible with the action")
        session.refuse(refusal)
        return HTTPStatus.UNPROCESSABLE_ENTITY, str(refusal)
    session.stir()
    if status:
        _obey(session, "call:status", change, call_sid)
    elif change.get("call_hook") or change.get("child_call_hook"):
        session.beside(_call_hooks(session, change))
    elif change.get("tag"):
        session.info.customer_data = change["tag"]
        session.write("JAMBONZ", f"keeps {', '.join(change['tag'])} with the call")
    else:
        for kind in _COMMANDS:
            if change.get(kind):
                data = change[kind] if kind in _INSIDE else change
                _obey(session, _COMMANDS[kind], data, call_sid)
        if change.get("whisper"):
            _obey(session, "whisper", change, call_sid)
    return (
        (HTTPStatus.OK, {"status": 200, "reason": "OK"}) if "sip_request" in change else _ACCEPTED
    )


def _obey(session: Session, name: str, data: Any, call_sid: str) -> None:
    obey(session, {"command": name, "data": data, "callSid": call_sid})


async def _call_hooks(session: Session, change: Mapping[str, Any]) -> None:
    """Ask for new verbs for the call, for the leg that dial has connected, or for both."""
    own, other = _hook(change.get("call_hook")), _hook(change.get("child_call_hook"))
    verbs = await session.ask("session:redirect", own, {}) if own is not None else None
    child = session.child
    if other is not None and isinstance(session.current, Dial) and child is not None:
        grown = await session.ask("session:redirect", other, {}, of=child)
        grow_up(session, grown)
    elif other is not None:
        session.refuse(Refusal("child", "child_call_hook: there is no connected child call"))
    if verbs is not None:
        session.replace(verbs)
    else:
        session.scope.stop()  # nothing is given for the call itself: its verb is over


def _hook(given: Any) -> Hook | None:
    if given is None or isinstance(given, str):
        return given or None
    try:
        return Webhook.model_validate(given)
    except ValueError:
        raise Refusal("update", "a hook is an address, or an object with one") from None
